"""Front door: SIP transports, parsing, digest, registrar, dialog-stateless proxy, trunks, guard."""
