"""How the ASGI servers treat connections that waste time: slow headers, idle ones, readers that do not read."""
