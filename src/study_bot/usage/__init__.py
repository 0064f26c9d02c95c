"""How the library is used: questions asked, feedback, figures for the dashboard. Personal data."""
