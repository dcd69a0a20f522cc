"""The operator console, a Streamlit application that speaks to the gateway over HTTP only."""
