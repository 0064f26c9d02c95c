"""The web server: FastAPI around the Gradio page, the JSON interface, health and metrics."""
