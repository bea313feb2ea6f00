"""The catalog 事项清单 over HTTP: versions, items, guidance, import and export; the working calendar."""
