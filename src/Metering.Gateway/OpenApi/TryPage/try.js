'use strict';

// Lists the routes of the OpenAPI document beside this page, makes a form of each, sends it with the key above and shows the answer. Everything that is
// shown is set as text, never as markup. The key stays in its field: it is stored nowhere.

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function example(place) {
  if (place?.example !== undefined) return place.example;
  const first = Object.values(place?.examples ?? {})[0];
  return first?.value;
}

function field(id, parameter) {
  const shown = example(parameter);
  const input = element('input', { id, name: parameter.name, placeholder: shown === undefined ? '' : String(shown) });
  if (parameter.in === 'path' && shown !== undefined) input.value = String(shown);
  const label = element('label', { for: id }, parameter.name, element('small', {}, `${parameter.in}${parameter.required ? '' : ', optional'}: ${parameter.description ?? ''}`));
  return { parameter, input, label };
}

function addressOf(path, fields) {
  let address = path;
  const query = new URLSearchParams();
  for (const { parameter, input } of fields) {
    if (parameter.in === 'path') address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === 'query' && input.value !== '') query.set(parameter.name, input.value);
  }
  const text = query.toString();
  return text === '' ? address : `${address}?${text}`;
}

function headersOf(fields, isKeyed, body) {
  const headers = new Headers();
  const key = document.getElementById('key').value.trim();
  if (isKeyed && key !== '') headers.set('Authorization', `Bearer ${key}`);
  if (body !== null) headers.set('Content-Type', 'application/json');
  for (const { parameter, input } of fields) {
    if (parameter.in === 'header' && input.value !== '') headers.set(parameter.name, input.value);
  }
  return headers;
}

function readable(text, type) {
  if (!type.includes('json') || type.includes('ndjson')) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(method, path, fields, body, isKeyed, answer) {
  answer.replaceChildren('Sent…');
  try {
    const began = performance.now();
    const content = body === null ? null : body.value;
    const response = await fetch(addressOf(path, fields), { method, headers: headersOf(fields, isKeyed, content), body: content, cache: 'no-store' });
    const text = await response.text();
    const type = response.headers.get('Content-Type') ?? '';
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    answer.replaceChildren(
      element('p', { class: response.ok ? 'good' : 'bad', 'data-status': response.status }, `${response.status} in ${Math.round(performance.now() - began)} ms`),
      element('pre', { class: 'headers' }, headers),
      element('pre', { class: 'body' }, method === 'HEAD' ? '' : readable(text, type)));
  } catch (error) {
    answer.replaceChildren(element('p', { class: 'bad' }, `No answer: ${error.message}`));
  }
}

function route(path, method, operation, number) {
  const fields = (operation.parameters ?? []).map((parameter, index) => field(`route-${number}-${index}`, parameter));
  const media = operation.requestBody?.content?.['application/json'];
  const body = media ? element('textarea', { id: `route-${number}-body`, spellcheck: 'false' }) : null;
  if (body) body.value = JSON.stringify(example(media) ?? {}, null, 2);
  const answer = element('div', { class: 'answer', 'aria-live': 'polite' });
  const form = element('form', { 'data-route': `${method.toUpperCase()} ${path}` });
  for (const { label, input } of fields) form.append(label, input);
  if (body) form.append(element('label', { for: body.id }, 'body', element('small', {}, 'JSON')), body);
  form.append(element('button', { type: 'submit' }, 'Send'), answer);
  form.addEventListener('submit', event => {
    event.preventDefault();
    send(method.toUpperCase(), path, fields, body, operation.security !== undefined, answer);
  });
  return element('details', { 'data-search': `${method} ${path} ${operation.summary ?? ''}`.toLowerCase() },
    element('summary', {},
      element('span', { class: 'method' }, method.toUpperCase()),
      element('span', { class: 'path' }, path),
      element('span', { class: 'what' }, operation.summary ?? '')),
    form);
}

function show(description) {
  const groups = new Map();
  let number = 0;
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? 'Other';
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(route(path, method, operation, number++));
    }
  }
  const routes = document.getElementById('routes');
  routes.replaceChildren(...[...groups].map(([tag, all]) => element('section', {}, element('h2', {}, tag), ...all)));
  const filter = document.getElementById('filter');
  filter.addEventListener('input', () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const one of routes.querySelectorAll('details')) one.hidden = !one.dataset.search.includes(wanted);
    for (const section of routes.querySelectorAll('section')) section.hidden = section.querySelector('details:not([hidden])') === null;
  });
}

fetch('v1.json')
  .then(response => response.ok ? response.json() : Promise.reject(new Error(`status ${response.status}`)))
  .then(show)
  .catch(error => document.getElementById('routes').replaceChildren(element('p', { class: 'bad' }, `The routes cannot be read: ${error.message}.`)));
