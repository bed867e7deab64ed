// The interactive page of the API: hands Swagger UI the configuration that the page carries.
"use strict";

const place = document.querySelector("[data-api-docs]");
SwaggerUIBundle({
  ...JSON.parse(place.dataset.apiDocs),
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
});
