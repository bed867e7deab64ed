// The interactive page of the API: hands Swagger UI the configuration that the page carries.
"use strict";
(() => {
  const root = document.documentElement;
  const follow = () => root.classList.toggle("dark-mode", root.dataset.bsTheme === "dark");
  follow();
  new MutationObserver(follow).observe(root, { attributeFilter: ["data-bs-theme"] });

  const place = document.querySelector("[data-api-docs]");
  SwaggerUIBundle({
    ...JSON.parse(place.dataset.apiDocs),
    domNode: place,
    presets: [SwaggerUIBundle.presets.apis],
  });
})();
