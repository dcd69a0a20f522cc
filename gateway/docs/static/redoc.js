// Redoc reports to its maker by default.
const { init } = await import(document.getElementById("redoc-file").href);
init("/openapi.json", { disableTelemetry: true }, document.getElementById("page"));
