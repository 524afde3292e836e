"""What the hub's HTTP services share: a listening socket, uvicorn around an application, and certificates."""
