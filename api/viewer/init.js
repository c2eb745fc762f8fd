// Shows the document that the page names. Nothing is asked of any other server: no validator, and "Execute" sends to
// where the page came from, since the documents name no server.
"use strict";

SwaggerUIBundle({
  domNode: document.getElementById("reference"),
  url: document.getElementById("reference").dataset.document,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // A token typed in here is gone when the page is.
  persistAuthorization: false,
  validatorUrl: null,
});
