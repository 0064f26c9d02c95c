"""The Chinese web interface. Only this package and `server` know Gradio.

`app.build_ui` makes the Gradio page; `reader.render_reader` the plain page of one document.
Everything a user or a document brings is escaped in one place: `markup.esc`.
"""
