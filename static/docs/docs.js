// Draws openapi.json as a list of routes. No library, nothing from elsewhere; all text is set as text.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, attributes);
  element.append(...children.filter((child) => child !== null));
  return element;
}

// A schema with its references filled in, as an indented example of its shape.
function shape(schema, schemas, depth = 0) {
  if (!schema || depth > 6) return "…";
  if (schema.$ref) return shape(schemas[schema.$ref.split("/").pop()], schemas, depth + 1);
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.map((each) => shape(each, schemas, depth + 1));
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return [shape(schema.items, schemas, depth + 1)];
  if (schema.properties) {
    return Object.fromEntries(
      Object.entries(schema.properties).map(([name, each]) => [name, shape(each, schemas, depth + 1)]),
    );
  }
  return schema.type ?? "any";
}

function parametersTable(parameters) {
  if (parameters.length === 0) return null;
  const rows = parameters.map((each) =>
    make(
      "tr",
      {},
      make("td", {}, make("code", { textContent: each.name })),
      make("td", { textContent: each.required ? `${each.in}, required` : each.in }),
      make("td", { textContent: each.description ?? each.schema?.type ?? "" }),
    ),
  );
  return make("table", {}, ...rows);
}

function schemaBlock(title, content, schemas) {
  const schema = content?.["application/json"]?.schema;
  if (!schema || Object.keys(schema).length === 0) return null;
  const text = JSON.stringify(shape(schema, schemas), null, 2);
  return make("section", {}, make("h4", { textContent: title }), make("pre", { textContent: text }));
}

function route(path, method, operation, schemas) {
  const upper = method.toUpperCase();
  const answers = Object.entries(operation.responses ?? {}).map(([status, answer]) =>
    schemaBlock(`Answer ${status}: ${answer.description}`, answer.content, schemas),
  );
  const details = make(
    "details",
    {},
    make(
      "summary",
      {},
      make("span", { className: `method ${upper}`, textContent: upper }),
      make("code", { textContent: path }),
      ` ${operation.summary ?? ""}`,
    ),
    make(
      "div",
      {},
      make("p", { textContent: operation.description ?? "" }),
      parametersTable(operation.parameters ?? []),
      schemaBlock("Body", operation.requestBody?.content, schemas),
      ...answers,
    ),
  );
  details.dataset.words = `${upper} ${path} ${operation.summary} ${operation.description}`.toLowerCase();
  return details;
}

function draw(openapi) {
  document.getElementById("version").textContent = openapi.info.version;
  const groups = new Map();
  for (const [path, operations] of Object.entries(openapi.paths)) {
    for (const method of METHODS.filter((each) => each in operations)) {
      const group = operations[method].tags?.[0] ?? "routes";
      const drawn = route(path, method, operations[method], openapi.components?.schemas ?? {});
      groups.set(group, [...(groups.get(group) ?? []), drawn]);
    }
  }
  const sections = [...groups].map(([name, routes]) =>
    make("section", {}, make("h2", { textContent: name }), ...routes),
  );
  document.getElementById("routes").replaceChildren(...sections);
}

function filter(event) {
  const wanted = event.target.value.toLowerCase();
  for (const details of document.querySelectorAll("details")) {
    details.hidden = !details.dataset.words.includes(wanted);
  }
}

async function start() {
  document.getElementById("filter").addEventListener("input", filter);
  try {
    const answer = await fetch("openapi.json");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    draw(await answer.json());
  } catch (error) {
    document.getElementById("routes").textContent = `openapi.json cannot be shown: ${error.message}`;
  }
}

start();
