// XMP packets: our note in them, and the few bytes that must change; everything else stays, byte for byte.
// As mssn/image/xmp.py. A packet comes from strangers: it is looked at once, in linear time.
// Source: XMP specification, part 1 (2012), sections 7.3 (packets) and 7.4 (rdf:RDF); W3C, "Namespaces in
// XML".

import { read, XmlError } from "./xml.js";

const OURS = "urn:mssn:1.0/";
const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const MOST = 2 ** 24; // bytes; no program writes packets of such a length
const HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>';
const TAIL = '<?xpacket end="w"?>';
const TURNED = /(tiff:Orientation(?:\s*=\s*["']|>))[2-8]/g;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
export const XMP_MARK = "http://ns.adobe.com/xap/1.0/\0"; // in front of a packet in a JPEG

/**
 * Note the model in a packet, in the place of an earlier note.
 * @param {Uint8Array | null} xmp  in UTF-8, 16 or 32; null for a new one
 * @param {string} model  for instance "mssn-s-photo 0.64"
 * @param {string} version  of mssn
 * @returns {Uint8Array | null}  in UTF-8; null if it is damaged, has a DOCTYPE or no rdf:RDF, or is too long
 */
export function signed(xmp, model, version) {
  const name = escaped(model.replace(/[\p{C}\p{Z}]/gu, (letter) => (letter === " " ? " " : "?")));
  const start = `<rdf:Description rdf:about="" xmlns:mssn="${OURS}" `;
  const note = `${start}mssn:Model="${name}" mssn:Version="${version}"/>`;
  const encode = (text) => new TextEncoder().encode(text);
  if (!xmp) {
    const open = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="${RDF}">`;
    return encode(`${HEAD}${open}${note}</rdf:RDF></x:xmpmeta>${TAIL}`);
  }
  if (xmp.length > MOST) return null;
  try {
    const text = textOf(xmp);
    const { cuts, last } = surveyed(text);
    return last ? encode(edited(text, [...cuts, addition(text, last, note)])) : null;
  } catch (error) {
    if (error instanceof XmlError || error instanceof TypeError || error instanceof RangeError) return null;
    throw error;
  }
}

/** As in an attribute, letters beyond ASCII by their numbers. */
function escaped(text) {
  const named = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };
  return text.replace(/[&<>"']|[^\x00-\x7f]/gu, (letter) => named[letter] ?? `&#${letter.codePointAt(0)};`);
}

/** Set the orientation in a packet to 1; damaged packets stay. @param {Uint8Array} xmp */
export function uprightXmp(xmp) {
  try {
    return new TextEncoder().encode(textOf(xmp).replace(TURNED, "$11"));
  } catch {
    return xmp;
  }
}

/** The packet without the white space at its end that leaves room for changes. @param {Uint8Array} xmp */
export function compact(xmp) {
  const text = UTF8.decode(xmp);
  const place = text.lastIndexOf("<?xpacket end=");
  if (place < 0) return xmp;
  return new TextEncoder().encode(text.slice(0, place).trimEnd() + text.slice(place).trimEnd());
}

/** The text of a packet; throws where the bytes are none. */
function textOf(xmp) {
  const [a, b, c, d] = xmp;
  const wide =
    (a === 0xff && b === 0xfe && !c && !d) || (a === 0x3c && !b && !c && !d)
      ? "utf-32le"
      : (!a && !b && c === 0xfe && d === 0xff) || (!a && !b && !c && d === 0x3c)
        ? "utf-32be"
        : (a === 0xff && b === 0xfe) || (a === 0x3c && !b)
          ? "utf-16le"
          : (a === 0xfe && b === 0xff) || (!a && b === 0x3c)
            ? "utf-16be"
            : null;
  if (!wide || xmp.length < 4) return UTF8.decode(xmp);
  const text = wide.startsWith("utf-32") ? utf32(xmp, wide.endsWith("le")) : decoded(xmp, wide);
  const bare = text.replace(/^\ufeff+/, "");
  // It declares the encoding that is no longer true.
  return bare.startsWith("<?xml ") ? bare.slice(bare.indexOf("?>") + 2) : bare;
}

function decoded(bytes, encoding) {
  return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
}

function utf32(bytes, little) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = "";
  for (let n = 0; n + 4 <= bytes.length; n += 4) text += String.fromCodePoint(view.getUint32(n, little));
  if (bytes.length % 4) throw new RangeError("cut short");
  return text;
}

/** The text with some spans [start, end, replacement] replaced. */
function edited(text, edits) {
  let [done, result] = [0, ""];
  for (const [start, end, replacement] of [...edits].sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    result += text.slice(done, start) + replacement;
    done = end;
  }
  return result + text.slice(done);
}

/** The edit that adds a note in front of the end of an rdf:RDF. */
function addition(text, { tag, place, end, empty }, note) {
  const own = tag === "rdf:RDF" ? note : note.replace(" ", ` xmlns:rdf="${RDF}" `);
  return empty ? [end - 2, end, `>${own}</${tag}>`] : [place, place, own];
}

/**
 * Everything in our namespace (attributes, elements, declarations, and descriptions of which nothing else is
 * left) as cuts, and the last tag that ends an rdf:RDF.
 */
function surveyed(text) {
  const [cuts, open] = [[], []];
  let [last, rdf, ours] = [null, 0, 0]; // rdf, ours: depth of the element we are in, 0 for none
  const close = (element, place, end, empty) => {
    if (ours === open.length) {
      cuts.push([element.place, end, ""]);
      ours = 0;
    }
    if (rdf === open.length) {
      last = { tag: element.tag, place, end, empty };
      rdf = 0;
    } else if (rdf && open.length === rdf + 1 && element.about) {
      cutDescription(text, cuts, element, place, end);
    }
    open.pop();
  };
  for (const event of read(text)) {
    if (event.kind === "end") {
      close(open.at(-1), event.place, event.end, false);
      continue;
    }
    const { uri, local, attributes, declared } = event;
    open.push({ tag: event.tag, place: event.place, inside: event.end, cuts: cuts.length, about: false });
    const mine = attributes.filter((each) => each.uri === OURS);
    if (!ours && uri === OURS) ours = open.length;
    else if (!ours) {
      for (const { start, end } of [...mine, ...declared.filter((each) => each.value === OURS)]) {
        cuts.push([start, end, ""]);
      }
    }
    if (!rdf && uri === RDF && local === "RDF") rdf = open.length;
    else if (rdf && open.length === rdf + 1 && uri === RDF && local === "Description") {
      const others = attributes.filter(
        (each) => each.uri !== OURS && !(each.uri === RDF && each.local === "about"),
      );
      Object.assign(open.at(-1), { about: true, bare: !others.length });
    }
    if (event.empty) close(open.at(-1), event.place, event.end, true);
  }
  return { cuts, last };
}

/** Cut all of a description if it had a part of ours and nothing of others. */
function cutDescription(text, cuts, element, place, end) {
  if (!element.bare || cuts.length === element.cuts) return;
  const inside = cuts.slice(element.cuts).filter(([start]) => start >= element.inside);
  const content = element.place === place ? "" : text.slice(element.inside, place);
  const left = edited(
    content,
    inside.map(([a, b]) => [a - element.inside, b - element.inside, ""]),
  );
  if (!left.trim()) cuts.splice(element.cuts, cuts.length, [element.place, end, ""]);
}
