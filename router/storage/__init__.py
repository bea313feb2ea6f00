"""SQL storage of the casework and of the call records: ORM base, engine, tables, migrations, repositories."""
