// The tags of a well-formed XML text with namespaces, in one pass. It has no DOCTYPE: with one, a small text
// could grow without end. Source: W3C, "Extensible Markup Language (XML) 1.0", "Namespaces in XML 1.0".

/** What is wrong with a text. */
export class XmlError extends Error {}

const NAME = /[:A-Z_a-z\u00c0-\u{effff}][-.:\w\u00b7-\u{effff}]*/uy;
const SPACE = /[ \t\r\n]*/y;
const BLANK = /^[\0\ufeff \t\r\n]*$/;
const LONE =
  /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&(?!(?:lt|gt|amp|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});)/;
const XML = "http://www.w3.org/XML/1998/namespace";

/**
 * @param {string} text
 * @yields {{kind: "start" | "end", place: number, end: number, tag?: string, uri?: string, local?: string,
 *   empty?: boolean, attributes?: object[], declared?: object[]}}  `place`, `end`: of the tag in the text;
 *   attributes have {tag, value, uri, local, start, end} with the white space in front of them
 */
export function* read(text) {
  const open = [];
  const spaces = new Map([["xml", [XML]]]); // what each prefix stands for, the innermost last
  let [place, roots] = [0, 0];
  for (;;) {
    const next = text.indexOf("<", place);
    checkText(text.slice(place, next < 0 ? text.length : next), open.length > 0);
    if (next < 0) break;
    const passed = aside(text, next, open.length > 0);
    if (passed) {
      place = passed;
      continue;
    }
    if (text[next + 1] === "/") {
      const { tag, end } = endTag(text, next);
      const element = open.pop();
      if (!element || element.tag !== tag) throw new XmlError("tags that do not match");
      forget(element, spaces);
      yield { kind: "end", place: next, end };
      place = end;
      continue;
    }
    const found = startTag(text, next);
    if (!open.length && roots++) throw new XmlError("more than one root");
    learn(found, spaces);
    yield { kind: "start", place: next, ...found, ...named(found, spaces) };
    if (found.empty) forget(found, spaces);
    else open.push(found);
    place = found.end;
  }
  if (open.length || !roots) throw new XmlError("it ends too early");
}

function checkText(text, inside) {
  if (inside ? LONE.test(text) || text.includes("]]>") : !BLANK.test(text))
    throw new XmlError("stray letters");
}

/** Where a comment, an instruction or plain text (CDATA) ends that begins here; 0 for a tag. */
function aside(text, place, inside) {
  const forms = [
    ["<!--", "-->", true],
    ["<?", "?>", true],
    ["<![CDATA[", "]]>", inside],
  ];
  for (const [start, end, allowed] of forms) {
    if (!text.startsWith(start, place)) continue;
    const found = text.indexOf(end, place + start.length);
    if (found < 0 || !allowed) throw new XmlError("it ends too early");
    return found + end.length;
  }
  if (text[place + 1] === "!") throw new XmlError("a DOCTYPE");
  return 0;
}

function nameAt(text, place) {
  NAME.lastIndex = place;
  const found = NAME.exec(text);
  if (!found) throw new XmlError("no name");
  return found[0];
}

function behindSpace(text, place) {
  SPACE.lastIndex = place;
  return place + SPACE.exec(text)[0].length;
}

function endTag(text, place) {
  const tag = nameAt(text, place + 2);
  const end = behindSpace(text, place + 2 + tag.length);
  if (text[end] !== ">") throw new XmlError("a tag without end");
  return { tag, end: end + 1 };
}

function startTag(text, place) {
  const tag = nameAt(text, place + 1);
  const attributes = [];
  const names = new Set();
  for (let start = place + 1 + tag.length; ;) {
    const next = behindSpace(text, start);
    if (text[next] === ">") return { tag, attributes, empty: false, end: next + 1 };
    if (text.startsWith("/>", next)) return { tag, attributes, empty: true, end: next + 2 };
    if (next === start) throw new XmlError("a tag without end");
    const name = nameAt(text, next);
    const equals = behindSpace(text, next + name.length);
    const quote = behindSpace(text, equals + 1);
    const end = `"'`.includes(text[quote] || " ") ? text.indexOf(text[quote], quote + 1) : -1;
    if (text[equals] !== "=" || end < 0 || names.has(name)) throw new XmlError("a bad attribute");
    const value = text.slice(quote + 1, end);
    if (value.includes("<") || LONE.test(value)) throw new XmlError("a bad attribute");
    names.add(name);
    attributes.push({ tag: name, value: plain(value), start, end: end + 1 });
    start = end + 1;
  }
}

/** With its entities replaced. */
function plain(value) {
  const letters = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
  return value.replace(/&(#x?)?(\w+);/g, (_, number, name) => {
    return number ? String.fromCodePoint(parseInt(name, number === "#x" ? 16 : 10)) : letters[name];
  });
}

function isDeclaration({ tag }) {
  return tag === "xmlns" || tag.startsWith("xmlns:");
}

/** The prefixes that a tag declares count from now on. */
function learn({ attributes }, spaces) {
  for (const { tag, value } of attributes.filter(isDeclaration)) {
    const prefix = tag.slice(6);
    if (prefix && !value) throw new XmlError("a prefix without meaning");
    if (!spaces.has(prefix)) spaces.set(prefix, []);
    spaces.get(prefix).push(value);
  }
}

function forget({ attributes }, spaces) {
  for (const { tag } of attributes.filter(isDeclaration)) spaces.get(tag.slice(6)).pop();
}

/** What the names of a tag and its attributes stand for. */
function named({ tag, attributes }, spaces) {
  const plainOnes = attributes.filter((each) => !isDeclaration(each));
  const expanded = plainOnes.map((each) => ({ ...each, ...resolved(each.tag, spaces, "") }));
  const names = new Set(expanded.map(({ uri, local }) => `${uri} ${local}`));
  if (names.size < expanded.length) throw new XmlError("an attribute twice");
  const declared = attributes.filter(isDeclaration);
  return { ...resolved(tag, spaces, spaces.get("")?.at(-1) ?? ""), attributes: expanded, declared };
}

function resolved(tag, spaces, usual) {
  const colon = tag.indexOf(":");
  if (colon < 0) return { uri: usual, local: tag };
  const uri = spaces.get(tag.slice(0, colon))?.at(-1);
  const local = tag.slice(colon + 1);
  if (uri === undefined || !local || local.includes(":")) throw new XmlError("an unknown prefix");
  return { uri, local };
}
