// Everything that the service says is put in as text, never as HTML. The key lives in sessionStorage and travels only in a header.
const keySlot = 'leadsearch.key';
const at = id => document.getElementById(id);
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 4 });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const clock = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });

let prices = new Map();
let balance = null;
let newestTransaction = null;
let wantedCompany = null;
const opened = new Set();

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

const credits = amount => `${number.format(amount)} ${Number(amount) === 1 ? 'credit' : 'credits'}`;

// --- Calls -----------------------------------------------------------------------------------------------------------

class CallFault extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.message ?? problem.error ?? `The service answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

// One key per action of the person: a repeated request of the same action is not charged twice.
function newIdempotencyKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');
}

async function call(path, idempotencyKey) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(keySlot)}` };
  if (idempotencyKey) {
    headers['Idempotency-Key'] = idempotencyKey;
  }

  const response = await fetchAgain(path, { headers, cache: 'no-store' });
  const cost = response.headers.get('X-Credits-Cost') ?? '0';
  showBalance(response.headers.get('X-Credits-Remaining'), cost);
  const body = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new CallFault(response.status, body);
  }

  return { body, cost: Number(cost) };
}

// A connection that broke may have broken after the charge, so the same request goes out once more with the same key.
async function fetchAgain(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    try {
      return await fetch(path, options);
    } catch {
      throw new Error('The service cannot be reached. When it is back, the transactions show what was charged.');
    }
  }
}

// --- Balance ---------------------------------------------------------------------------------------------------------

function showBalance(text, cost) {
  if (text === null) {
    return;
  }

  const from = balance ?? Number(text);
  balance = Number(text);
  const figure = at('balance');
  figure.classList.toggle('low', balance < 10);
  if (Number(cost) > 0) {
    const chip = at('balance-cost');
    chip.textContent = `−${number.format(cost)}`;
    chip.classList.remove('shown');
    void chip.offsetWidth; // Reading the layout restarts the animation.
    chip.classList.add('shown');
  }

  tick(figure, from, balance);
}

let ticking = 0;
function tick(figure, from, to) {
  cancelAnimationFrame(ticking);
  if (from === to || matchMedia('(prefers-reduced-motion: reduce)').matches) {
    figure.textContent = number.format(to);
    return;
  }

  const duration = Math.min(1200, 350 + Math.abs(from - to) * 40);
  let start = null;
  const step = now => {
    start ??= now;
    const part = Math.min(1, (now - start) / duration);
    const eased = 1 - (1 - part) ** 3;
    figure.textContent = number.format(part === 1 ? to : Math.round(from + (to - from) * eased));
    if (part < 1) {
      ticking = requestAnimationFrame(step);
    }
  };
  ticking = requestAnimationFrame(step);
}

// --- Faults ----------------------------------------------------------------------------------------------------------

function say(text, isFault = false) {
  at('said').textContent = text;
  at('said').classList.toggle('fault', isFault);
}

function showFault(fault, action) {
  if (fault.status === 401) {
    askForKey('This key is not accepted. It may be mistyped, expired or revoked.');
  } else if (fault.status === 402) {
    showOutOfCredits(fault.problem, action);
  } else {
    say(fault.message, true);
  }
}

function showOutOfCredits(problem, action) {
  const affordable = action === 'search' ? affordableResults(problem.available ?? 0) : 0;
  say('');
  at('out-title').textContent = problem.code === 'subscription_inactive' ? 'Subscription ended'
    : affordable > 0 ? 'Not enough credits for this search'
    : 'Out of credits';
  at('out-text').textContent = problem.required === undefined
    ? problem.detail
    : `This ${action} costs ${credits(problem.required)}, and ${credits(problem.available)} ${Number(problem.available) === 1 ? 'is' : 'are'} left. Nothing was charged.`;
  at('out-help').textContent = affordable > 0
    ? 'A shorter list costs less.'
    : 'Companies that you opened stay free for twelve months. New credits come with the next period, or by a top-up.';
  const button = at('out-button');
  button.hidden = affordable === 0;
  button.textContent = `Search for ${affordable} results instead`;
  button.onclick = () => search(affordable);
  at('out-of-credits').hidden = false;
  at('out-of-credits').scrollIntoView({ block: 'nearest' });
}

function affordableResults(available) {
  const price = prices.get('lead.search');
  if (!price || price.perUnit === 0) {
    return 0;
  }

  return Math.max(0, Math.min(1000, Math.floor((available - price.base) / price.perUnit) * price.blockSize));
}

// --- Search ----------------------------------------------------------------------------------------------------------

function showEstimate() {
  const price = prices.get('lead.search');
  if (price) {
    const most = price.base + Math.ceil(Number(at('limit').value) / price.blockSize) * price.perUnit;
    at('estimate').textContent = `Up to ${credits(most)}: ${number.format(price.base)} a search and ${number.format(price.perUnit)} `
      + `for each started ${price.blockSize} results. A search that finds nothing is free.`;
  }
}

async function search(limit) {
  const query = new URLSearchParams({ limit });
  for (const field of ['category', 'country', 'q']) {
    if (at(field).value.trim()) {
      query.set(field, at(field).value.trim());
    }
  }

  const button = at('search-button');
  button.disabled = true;
  at('out-of-credits').hidden = true;
  try {
    const { body, cost } = await call(`/leads/search?${query}`, newIdempotencyKey());
    say(`${body.description}: ${cost > 0 ? credits(cost) : 'free'}.`);
    showResults(body, query.get('country'));
  } catch (fault) {
    showFault(fault, 'search');
  } finally {
    button.disabled = false;
  }

  await showTransactions();
}

function showResults(answer, country) {
  at('results-count').textContent = answer.total > answer.count
    ? `${number.format(answer.count)} of ${number.format(answer.total)}`
    : number.format(answer.count);
  at('results-frame').hidden = answer.count === 0;
  at('results-hint').hidden = answer.count > 0;
  at('results-hint').textContent = 'Nothing found, nothing charged. Try a wider search.';
  at('results').replaceChildren(...answer.results.map(lead => makeRow(lead, country)));
  at('results-frame').scrollTop = 0;
}

function makeRow(lead, country) {
  const name = make('button', { type: 'button', textContent: lead.name });
  const cell = make('td', {}, name);
  if (opened.has(lead.id)) {
    markOpened(cell);
  }

  const row = make('tr', {}, cell, make('td', { textContent: lead.categoryName }), make('td', { className: 'where', textContent: where(lead, country) }));
  row.dataset.company = lead.id;
  row.addEventListener('click', () => openCompany(lead.id));
  return row;
}

function where(lead, country) {
  switch (lead.countryMatch) {
    case 'country': return country;
    case 'region': return lead.matchedArea.toUpperCase();
    case 'group': return `${country} (continent)`;
    case 'worldwide': return 'Worldwide';
    default: return '';
  }
}

function markOpened(cell) {
  if (!cell.querySelector('.mark')) {
    cell.append(make('span', { className: 'mark', textContent: 'yours' }));
  }
}

// --- Company ---------------------------------------------------------------------------------------------------------

function sayPaid(element, cost, expiresAt) {
  const until = expiresAt ? ` Free until ${day.format(new Date(Date.parse(expiresAt) - 1))}.` : '';
  element.textContent = (cost > 0 ? `Cost ${credits(cost)}.` : 'Cost nothing.') + until;
}

// Answers may come in another order than the clicks; the last click decides what is shown.
async function openCompany(id) {
  wantedCompany = id;
  at('out-of-credits').hidden = true;
  try {
    const { body, cost } = await call(`/companies/${encodeURIComponent(id)}`, newIdempotencyKey());
    opened.add(id);
    if (wantedCompany === id) {
      showCompany(body, cost);
    }

    say(`${body.name}: ${cost > 0 ? credits(cost) : 'free, it is yours already'}.`);
  } catch (fault) {
    showFault(fault, 'company');
  }

  await showTransactions();
}

function showCompany(company, cost) {
  at('company-title').textContent = company.name;
  sayPaid(at('company-paid'), cost, company.expiresAt);
  const link = make('a', { href: company.wikidata, textContent: company.id, target: '_blank', rel: 'noopener noreferrer' });
  at('company-facts').replaceChildren(
    ...fact('Category', company.categoryName),
    ...fact('Kind', company.kind),
    ...fact('Present in', presence(company)),
    ...fact('Wikidata', link));
  at('signals').hidden = true;
  const button = at('signals-button');
  button.hidden = false;
  button.onclick = () => openSignals(company.id);
  at('company').hidden = false;
  for (const row of at('results').rows) {
    row.classList.toggle('chosen', row.dataset.company === company.id);
    if (row.dataset.company === company.id) {
      markOpened(row.cells[0]);
    }
  }

  at('company-title').focus({ preventScroll: innerWidth > 960 });
}

function fact(name, value) {
  return [make('dt', { textContent: name }), make('dd', {}, value)];
}

function presence(company) {
  if (company.worldwide) {
    return 'the whole world';
  }

  // A country of which only regions are named is shown by these.
  const regions = company.areas.filter(area => area.kind === 'region' || area.kind === 'other').map(area => area.code.toUpperCase());
  const names = [...company.countries.filter(country => country.whole).map(country => country.name), ...regions];
  return names.length === 0 ? 'not known' : make('div', { className: 'chips' }, ...names.map(name => make('span', { className: 'chip', textContent: name })));
}

async function openSignals(id) {
  try {
    const { body, cost } = await call(`/companies/${encodeURIComponent(id)}/signals`, newIdempotencyKey());
    if (wantedCompany !== id) {
      return;
    }

    sayPaid(at('signals-paid'), cost, null);
    at('signals-list').replaceChildren(...body.signals.map(makeSignal));
    at('signals').hidden = false;
    at('signals-button').hidden = true;
    say(`Signals of ${body.name}: ${cost > 0 ? credits(cost) : 'covered by the company, free'}.`);
  } catch (fault) {
    showFault(fault, 'call');
  } finally {
    await showTransactions();
  }
}

function makeSignal(signal) {
  const shown = signal.parts.filter(part => part.value !== null).slice(0, 5).map(part => `${part.name} ${number.format(part.value)}`);
  const item = make('li', { textContent: signal.text });
  if (shown.length > 1) {
    item.append(make('small', { textContent: shown.join(' · ') }));
  }

  return item;
}

// --- Transactions ----------------------------------------------------------------------------------------------------

async function showTransactions() {
  if (!sessionStorage.getItem(keySlot)) {
    return;
  }

  try {
    const { body } = await call('/api/v1/credits/transactions?limit=30');
    const fresh = newestTransaction;
    at('transactions-count').textContent = number.format(body.meta.total);
    let isFresh = fresh !== null;
    at('transactions').replaceChildren(...body.data.map(transaction => {
      isFresh &&= transaction.id !== fresh;
      return makeTransaction(transaction, isFresh);
    }));
    newestTransaction = body.data[0]?.id ?? null;
  } catch (fault) {
    showFault(fault, 'list');
  }
}

function makeTransaction(transaction, isFresh) {
  const sign = transaction.amount > 0 ? '+' : transaction.amount < 0 ? '−' : '';
  return make('li', { className: isFresh ? 'fresh' : '' },
    make('span', { textContent: transaction.description || transaction.type }),
    make('b', { className: sign === '+' ? 'plus' : sign === '−' ? 'minus' : '', textContent: sign + number.format(Math.abs(transaction.amount)) }),
    make('small', { textContent: `${clock.format(new Date(transaction.createdAt))} · ${transaction.type}` }));
}

// --- Key and start ---------------------------------------------------------------------------------------------------

// The fragment of an address is never sent to a server; it is taken out of the address bar and the history too.
function takeKeyFromFragment() {
  const key = new URLSearchParams(location.hash.slice(1)).get('key');
  if (key) {
    sessionStorage.setItem(keySlot, key.trim());
    history.replaceState(null, '', location.pathname);
  }
}

function askForKey(fault = '') {
  sessionStorage.removeItem(keySlot);
  balance = null;
  newestTransaction = null;
  opened.clear();
  at('work').hidden = true;
  at('account').hidden = true;
  at('key-form').hidden = false;
  at('key-fault').textContent = fault;
  at('key').value = '';
  at('key').focus();
}

async function start() {
  if (!sessionStorage.getItem(keySlot)) {
    askForKey();
    return;
  }

  at('key-form').hidden = true;
  at('work').hidden = false;
  at('account').hidden = false;
  at('company').hidden = true;
  at('out-of-credits').hidden = true;
  await showTransactions();
}

async function fillChoices() {
  const [categories, countries, priceList] = await Promise.all(
    ['/categories', '/countries', '/prices'].map(async path => (await fetch(path)).json()));
  prices = new Map(priceList.map(price => [price.product, price]));
  const makeOption = choice => make('option', { value: choice.id, textContent: choice.name });
  at('category').append(...categories.map(makeOption));
  at('country').append(...countries.map(makeOption));
  at('category').value = 'restaurant';
  at('country').value = 'US';
  const companies = categories.reduce((sum, category) => sum + category.companies, 0);
  at('tagline').textContent = `${number.format(companies)} real companies, metered by the credit`;
  showEstimate();
}

at('limit').addEventListener('change', showEstimate);
at('search-form').addEventListener('submit', event => {
  event.preventDefault();
  search(at('limit').value);
});
at('key-form').addEventListener('submit', event => {
  event.preventDefault();
  sessionStorage.setItem(keySlot, at('key').value.trim());
  start();
});
at('change-key').addEventListener('click', () => askForKey());
at('company-close').addEventListener('click', () => {
  at('company').hidden = true;
});
addEventListener('hashchange', () => {
  takeKeyFromFragment();
  start();
});

takeKeyFromFragment();
fillChoices().catch(() => say('The lists of categories and countries could not be loaded; reload the page.', true));
start();
