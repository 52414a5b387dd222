//! Markup: HTML, SVG, the parts of office documents, and other XML. Words that tags split are read in one piece.
//!
//! Most texts of that kind hold their words whole, and the plain search finds them; only where tags part what a reader sees as
//! one is a layer told. Tags are skipped, not believed: nothing is balanced, and no entity of a document's own is expanded.

use bstr::ByteSlice;

use super::{
    super::{Opening, Stop},
    letters,
    weave::{Meeting, Take, Weave},
};

/// Blanks before the first tag at most.
const MOST_BLANK: usize = 1024;

/// Whether `text` begins with a tag, a declaration or a comment.
pub fn is_markup(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let blank = text
        .iter()
        .take(MOST_BLANK)
        .take_while(|byte| byte.is_ascii_whitespace());
    let start = text.get(blank.count()..).unwrap_or_default();
    match start {
        [b'<', b'?', rest @ ..] => rest.starts_with(b"xml"),
        [b'<', next, ..] => next.is_ascii_alphabetic() || *next == b'!',
        _ => false,
    }
}

/// Tells the text between the tags, where tags part words.
///
/// # Errors
/// When a bound is reached.
pub fn markup(opening: &mut Opening<'_, '_>) -> Result<(), Stop> {
    // Hardly ever do any pieces meet.
    if !Reader::new(opening.text, Meeting::new(opening.text))
        .read()
        .is_any
    {
        return Ok(());
    }
    let weave = Reader::new(opening.text, Weave::new(opening.text)).read();
    match weave.finish(false) {
        Some((text, map)) => opening.mapped("markup", &text, &map),
        None => Ok(()),
    }
}

/// What a document is, by its first tags: it says which tags part words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Html,
    /// Cells of a spreadsheet, or its strings.
    Sheet,
    Other,
}

impl Kind {
    fn of(text: &[u8]) -> Self {
        let head = text.get(..text.len().min(2048)).unwrap_or_default();
        let (mut is_xml, mut is_html) = (false, false);
        let mut at = 0;
        while let Some(found) = head.get(at..).and_then(|rest| rest.find_byte(b'<')) {
            let tag = head.get(at + found + 1..).unwrap_or_default();
            let is = |name: &str| tag.starts_with(name.as_bytes());
            match tag.first() {
                Some(b'w' | b's' | b'c') if is("worksheet") || is("sst") || is("comments") => {
                    return Self::Sheet;
                }
                Some(b'?') => is_xml |= is("?xml"),
                Some(b'h') => is_html |= is("html"),
                _ => {}
            }
            at += found + 1;
        }
        match is_xml && !is_html {
            true => Self::Other,
            false => Self::Html,
        }
    }
}

/// What stands between two pieces of text with a tag between them.
enum Between {
    Nothing,
    Blank,
    Line,
}

/// Whether a tag of HTML or SVG stands inside of words.
fn is_inline(name: &[u8]) -> bool {
    matches!(
        name,
        b"a" | b"b"
            | b"i"
            | b"q"
            | b"s"
            | b"u"
            | b"em"
            | b"rb"
            | b"rt"
            | b"tt"
            | b"bdi"
            | b"bdo"
            | b"big"
            | b"del"
            | b"dfn"
            | b"ins"
            | b"kbd"
            | b"sub"
            | b"sup"
            | b"var"
            | b"wbr"
            | b"abbr"
            | b"cite"
            | b"code"
            | b"data"
            | b"font"
            | b"mark"
            | b"nobr"
            | b"ruby"
            | b"samp"
            | b"slot"
            | b"span"
            | b"time"
            | b"label"
            | b"small"
            | b"tspan"
            | b"strike"
            | b"strong"
            | b"acronym"
    )
}

/// What tag `name` puts between the text before and behind it.
fn between(kind: Kind, name: &[u8]) -> Between {
    let (prefix, local) = match name.iter().position(|&byte| byte == b':') {
        Some(at) => name.split_at(at),
        None => (&b""[..], name),
    };
    let local = local.strip_prefix(b":").unwrap_or(local);
    match (prefix, local) {
        // Word processing and presentations; a paragraph is made of runs.
        (b"w" | b"a", b"p" | b"br" | b"cr" | b"tc" | b"tr") => Between::Line,
        (b"w" | b"a", b"tab") => Between::Blank,
        (b"w" | b"a" | b"w14" | b"w15" | b"mc" | b"wp" | b"m", _) => Between::Nothing,
        // OpenDocument.
        (b"text", b"p" | b"h" | b"line-break" | b"list-item") => Between::Line,
        (b"text", b"s" | b"tab") => Between::Blank,
        (b"text", _) => Between::Nothing,
        (b"table", b"table-cell") => Between::Blank,
        (b"", b"c" | b"td" | b"th") => Between::Blank,
        (b"", b"row" | b"si" | b"comment") if kind == Kind::Sheet => Between::Line,
        (b"", _) if kind == Kind::Sheet => Between::Nothing,
        (b"" | b"svg" | b"html", _) => {
            let mut lower = [0; 10];
            let Some(lower) = lower.get_mut(..local.len()) else {
                return Between::Line;
            };
            lower.copy_from_slice(local);
            lower.make_ascii_lowercase();
            match is_inline(lower) {
                true => Between::Nothing,
                false => Between::Line,
            }
        }
        _ => Between::Line,
    }
}

/// By byte, whether it may be of the name of a tag.
const OF_NAME: [bool; 256] = {
    let mut of_name = [false; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        let is_mark = matches!(byte, b':' | b'-' | b'_' | b'.');
        of_name[at] = byte.is_ascii_alphanumeric() || is_mark || byte > 127;
        at += 1;
    }
    of_name
};

/// Goes through a text once. What was looked for and is nowhere behind is not looked for again.
struct Reader<'t, T> {
    text: &'t [u8],
    kind: Kind,
    taken: T,
    /// Where the piece of text begins that is being read.
    piece: usize,
    missing: Vec<&'static [u8]>,
    /// A `>` in quotes ends no tag, unless the quotes of a document proved not to match.
    heeds_quotes: bool,
}

impl<'t, T: Take> Reader<'t, T> {
    fn new(text: &'t [u8], taken: T) -> Self {
        Self {
            text,
            kind: Kind::of(text),
            taken,
            piece: 0,
            missing: Vec::new(),
            heeds_quotes: true,
        }
    }

    /// Takes all pieces.
    fn read(mut self) -> T {
        let mut at = 0;
        while let Some(found) = self.rest(at).find_byteset(b"<&") {
            let here = at + found;
            let end = match self.rest(here) {
                [b'&', ..] => self.character(here),
                [b'<', ..] => self.tag(here),
                _ => None,
            };
            at = end.unwrap_or(here + 1);
        }
        self.taken.copy(self.piece..self.text.len());
        self.taken
    }

    fn rest(&self, at: usize) -> &'t [u8] {
        self.text.get(at..).unwrap_or_default()
    }

    /// Ends the piece of text before `start`; the next begins at `end`.
    fn leave_out(&mut self, start: usize, end: usize) {
        self.taken.copy(self.piece..start);
        self.piece = end;
    }

    fn character(&mut self, here: usize) -> Option<usize> {
        let (character, length) = letters::reference(self.rest(here))?;
        self.leave_out(here, here + length);
        let mut buffer = [0; 4];
        let letter = match character {
            // What shows nothing parts nothing.
            '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{feff}' => "",
            other => other.encode_utf8(&mut buffer),
        };
        self.taken.put(here..here + length, letter.as_bytes());
        Some(here + length)
    }

    /// Skips what begins with `<` here. `None`: it is a character like others.
    fn tag(&mut self, here: usize) -> Option<usize> {
        match self.rest(here) {
            [b'<', b'!', b'-', b'-', ..] => self.skip(here, 4, b"-->"),
            [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => {
                let end = self.behind(here + 9, b"]]>")?;
                self.leave_out(here, here + 9);
                self.leave_out(end - 3, end);
                Some(end)
            }
            [b'<', b'?', ..] => self.skip(here, 2, b"?>"),
            [b'<', b'!', ..] => self.declaration(here),
            [b'<', b'/' | b'_' | b'a'..=b'z' | b'A'..=b'Z', ..] => self.element(here),
            _ => None,
        }
    }

    fn skip(&mut self, here: usize, head: usize, until: &'static [u8]) -> Option<usize> {
        let end = self.behind(here + head, until)?;
        self.leave_out(here, end);
        Some(end)
    }

    /// `<!DOCTYPE a [ <!ENTITY ...> ]>`.
    fn declaration(&mut self, here: usize) -> Option<usize> {
        let end = self.behind(here, b">")?;
        let has_subset = self.text.get(here..end)?.contains(&b'[');
        let end = match has_subset {
            true => self.behind(here, b"]>").unwrap_or(end),
            false => end,
        };
        self.leave_out(here, end);
        self.taken.part(b'\n');
        Some(end)
    }

    fn element(&mut self, here: usize) -> Option<usize> {
        let is_end = self.rest(here + 1).first() == Some(&b'/');
        let start = here + 1 + usize::from(is_end);
        let name = self.rest(start);
        let length = name.iter().position(|&byte| !OF_NAME[usize::from(byte)]);
        let name = name.get(..length.unwrap_or(name.len()))?;
        let end = self.element_end(start + name.len())?;
        self.leave_out(here, end);
        if self.taken.is_open() {
            match between(self.kind, name) {
                Between::Nothing => {}
                Between::Blank => self.taken.part(b' '),
                Between::Line => self.taken.part(b'\n'),
            }
        }
        if self.kind == Kind::Html && !is_end {
            let until: &[u8] = match name {
                b"script" | b"SCRIPT" => b"</script",
                b"style" | b"STYLE" => b"</style",
                _ => return Some(end),
            };
            if let Some(behind) = self.behind(end, until) {
                let code_end = behind - until.len();
                self.leave_out(end, code_end);
                return Some(code_end);
            }
        }
        Some(end)
    }

    /// Behind the `>` of the tag whose name ends at `at`.
    fn element_end(&mut self, at: usize) -> Option<usize> {
        if self.text.get(at) == Some(&b'>') {
            return Some(at + 1);
        }
        if self.heeds_quotes {
            let mut from = at;
            while let Some(found) = self.rest(from).find_byteset(b">\"'") {
                let here = from + found;
                let quote = match self.text.get(here) {
                    Some(b'"') => b'"',
                    Some(b'\'') => b'\'',
                    _ => return Some(here + 1),
                };
                let Some(closed) = self.rest(here + 1).find_byte(quote) else {
                    break;
                };
                from = here + 1 + closed + 1;
            }
            self.heeds_quotes = false;
        }
        self.behind(at, b">")
    }

    /// Behind the next `needle` from `at` on.
    fn behind(&mut self, at: usize, needle: &'static [u8]) -> Option<usize> {
        if self.missing.contains(&needle) {
            return None;
        }
        match self.rest(at).find(needle) {
            Some(found) => Some(at + found + needle.len()),
            None => {
                self.missing.push(needle);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{
        Summary,
        tests::{layers, python},
    };

    fn read(text: &str) -> Option<String> {
        let (layers, summary) = layers(text.as_bytes());
        assert_eq!(summary.unread, []);
        let layer = layers.into_iter().find(|(way, _)| way == "markup");
        layer.map(|(_, text)| String::from_utf8(text).unwrap())
    }

    #[test]
    fn words_of_a_document_that_runs_split_are_joined() {
        let text = "<?xml version=\"1.0\"?><w:document xmlns:w=\"x\"><w:body><w:p><w:r><w:rPr><w:b/></w:rPr>\
            <w:t xml:space=\"preserve\">the word is mel</w:t></w:r><w:proofErr w:type=\"spellEnd\"/><w:r><w:t>lon</w:t>\
            </w:r></w:p><w:p><w:r><w:t>an&#x64; more</w:t></w:r></w:p></w:body></w:document>";
        assert_eq!(read(text).unwrap(), "the word is mellon\nand more\n");
    }

    #[test]
    fn an_office_file_is_read_through_its_archive() {
        let script = "import zipfile,sys,io\n\
            f = io.BytesIO(); z = zipfile.ZipFile(f, 'w', zipfile.ZIP_DEFLATED)\n\
            p = lambda n, *w: z.writestr(n, '<?xml version=\"1.0\"?>' + ''.join(w))\n\
            p('word/document.xml', '<w:p><w:r><w:t>mel</w:t></w:r><w:r><w:t>lon 1</w:t></w:r></w:p>')\n\
            p('ppt/slides/slide1.xml', '<a:p><a:r><a:t>mel</a:t></a:r><a:r><a:t>lon 2</a:t></a:r></a:p>')\n\
            p('xl/sharedStrings.xml', '<sst><si><r><t>mel</t></r><r><t>lon 3</t></r></si></sst>')\n\
            p('content.xml', '<text:p>mel<text:span>lon 4</text:span></text:p>')\n\
            z.close(); sys.stdout.buffer.write(f.getvalue())";
        let Some(file) = python(script, b"") else {
            return;
        };
        let (layers, summary) = layers(&file);
        assert_eq!(summary.unread, []);
        let names = [
            "word/document.xml",
            "ppt/slides/slide1.xml",
            "xl/sharedStrings.xml",
            "content.xml",
        ];
        for (name, number) in names.iter().zip(1..) {
            let text = format!("mellon {number}\n").into_bytes();
            let told = layers
                .iter()
                .any(|(way, layer)| way.ends_with(&format!(":{name}, markup")) && *layer == text);
            assert!(told, "{name}: {layers:?}");
        }
    }

    #[test]
    fn cells_and_strings_of_a_sheet_stand_in_lines() {
        let strings = "<?xml version=\"1.0\"?><sst count=\"2\"><si><t>password</t></si><si><r><t>mel</t></r><r><rPr><b/></rPr>\
            <t>lon</t></r></si></sst>";
        assert_eq!(read(strings).unwrap(), "password\nmellon\n");
        let sheet = "<worksheet><sheetData><row r=\"1\"><c t=\"inlineStr\"><is><r><t>na</t></r><r><t>me</t></r></is></c>\
            <c><v>12</v></c></row></sheetData></worksheet>";
        assert_eq!(read(sheet).unwrap(), "name 12\n");
    }

    #[test]
    fn a_page_is_read_as_it_is_seen() {
        let text = "<!DOCTYPE html>\n<html><p title=\"a > b\">pass<b>wo</b>rd: <!-- no -->mel<wbr>lon</p><td>1</td>\
            <script>if (a<b) {\"</p>\"}</script>end</html>";
        assert_eq!(read(text).unwrap(), "\npassword: mellon\n1\nend\n");
        assert_eq!(
            read("<html><p>plain</p> <p>text &amp; more</p></html>"),
            None
        );
        let svg = "<svg><text><tspan>mel</tspan><tspan>lon</tspan></text><![CDATA[a]]></svg>";
        assert_eq!(read(svg).unwrap(), "mellon\na\n");
        let odt = "<?xml version=\"1.0\"?><office:text><text:p>mel<text:span text:style-name=\"T1\">lon</text:span></text:p>\
            <text:p>x<text:s/>y</text:p></office:text>";
        assert_eq!(read(odt).unwrap(), "mellon\nx y\n");
        let xml = "<a>mel<!-- -->lon<![CDATA[ <b> ]]><zz>d</zz></a>";
        assert_eq!(read(xml).unwrap(), "mellon <b>\nd\n");
    }

    #[test]
    fn the_entities_of_a_document_cost_nothing() {
        let mut text = String::from("<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY a0 \"lol\">");
        for level in 1..10 {
            let refs = format!("&a{};", level - 1).repeat(10);
            text += &format!("<!ENTITY a{level} \"{refs}\">");
        }
        text += "]><b>x<!-- -->&a9;</b>";
        let (layers, Summary { bytes, unread, .. }) = layers(text.as_bytes());
        assert_eq!(layers, [("markup".to_owned(), b"x&a9;".to_vec())]);
        assert_eq!((bytes, unread.len()), (5, 0));
    }

    #[test]
    fn what_never_ends_is_gone_through_once() {
        for piece in [
            "<!-- ",
            "<a \"",
            "<a \"> \" ",
            "<![CDATA[",
            "<?",
            "<!D [",
            "<script>",
            "<a '>' \"",
            "&#",
            "<a",
            "<b>&lt;",
        ] {
            let text = format!("<p>{}", piece.repeat((1 << 20) / piece.len()));
            layers(text.as_bytes());
        }
        let whole = "<!DOCTYPE a [<!ENTITY b \"c\">]><p>mel<b x='1'>l</b>on&#65;<![CDATA[x]]><!-- y --></p>";
        for end in 0..whole.len() {
            layers(whole.get(..end).unwrap().as_bytes());
        }
    }
}
