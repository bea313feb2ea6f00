"""Cases: registration, why they went where they went, their links, files and timeline."""
