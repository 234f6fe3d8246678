//! Text in an 8×8 bitmap font, wrapped and scaled to an area.

use font8x8::{BASIC_FONTS, GREEK_FONTS, HIRAGANA_FONTS, LATIN_FONTS, UnicodeFonts};

use super::canvas::{Area, Canvas, Color};

/// Side of a glyph in font pixels.
const GLYPH: u32 = 8;
/// Height of a line in font pixels.
const LINE: u32 = 10;
/// Drawn for a character that the font does not have: a hollow box.
const MISSING: [u8; 8] = [0x7E, 0x42, 0x42, 0x42, 0x42, 0x42, 0x7E, 0x00];
/// Prompts may be megabytes long; what lies behind this many characters never fits.
const LONGEST_TEXT: usize = 2_000;

/// Lines of text with their place and size: laid out once, drawn many times.
pub(super) struct TextBlock {
    origin: (u32, u32),
    scale: u32,
    lines: Vec<Vec<[u8; 8]>>,
    columns: u32,
}

impl TextBlock {
    /// One line at `scale` times the font's size.
    pub(super) fn line(text: &str, origin: (u32, u32), scale: u32) -> Self {
        Self::of_lines(&[text.to_owned()], origin, scale)
    }

    /// The text in the largest of `scales` (given from large to small) in which it fits into the area; in the smallest
    /// one it is cut.
    pub(super) fn fitted(text: &str, area: Area, scales: &[u32]) -> Self {
        let text: String = text.chars().take(LONGEST_TEXT).collect();
        let mut scale = 1;
        let mut lines = Vec::new();
        for &candidate in scales {
            scale = candidate;
            lines = wrap(&text, (area.width / (GLYPH * scale)).max(1) as usize);
            if lines.len() <= rows(area, scale) {
                break;
            }
        }
        truncate(&mut lines, rows(area, scale));
        Self::of_lines(&lines, (area.x, area.y), scale)
    }

    fn of_lines(lines: &[String], origin: (u32, u32), scale: u32) -> Self {
        let lines: Vec<Vec<[u8; 8]>> = lines.iter().map(|line| line.chars().map(glyph).collect()).collect();
        let columns = lines.iter().map(Vec::len).max().unwrap_or(0) as u32;
        Self { origin, scale, lines, columns }
    }

    /// The area that the text covers, with a margin of one font pixel around it.
    pub(super) fn area(&self) -> Area {
        let margin = self.scale;
        Area {
            x: self.origin.0.saturating_sub(margin),
            y: self.origin.1.saturating_sub(margin),
            width: self.columns * GLYPH * self.scale + 2 * margin,
            height: self.lines.len() as u32 * LINE * self.scale + margin,
        }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, color: Color) {
        for (row, line) in (0..).zip(&self.lines) {
            for (column, glyph) in (0..).zip(line) {
                let x = self.origin.0 + column * GLYPH * self.scale;
                let y = self.origin.1 + row * LINE * self.scale;
                self.draw_glyph(canvas, (x, y), *glyph, color);
            }
        }
    }

    fn draw_glyph(&self, canvas: &mut Canvas, (left, top): (u32, u32), glyph: [u8; 8], color: Color) {
        let scale = self.scale;
        for (row, bits) in (0..).zip(glyph) {
            for column in (0..GLYPH).filter(|column| bits & (1 << column) != 0) {
                let area = Area { x: left + column * scale, y: top + row * scale, width: scale, height: scale };
                canvas.fill(area, color);
            }
        }
    }
}

fn rows(area: Area, scale: u32) -> usize {
    (area.height / (LINE * scale)).max(1) as usize
}

fn glyph(character: char) -> [u8; 8] {
    BASIC_FONTS
        .get(character)
        .or_else(|| LATIN_FONTS.get(character))
        .or_else(|| GREEK_FONTS.get(character))
        .or_else(|| HIRAGANA_FONTS.get(character))
        .unwrap_or(MISSING)
}

/// Breaks at white space; a word longer than a line is broken inside.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + rest.len() > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        while rest.len() > columns {
            lines.push(rest.drain(..columns).collect());
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        used += rest.len();
        line.extend(rest);
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}

/// Leaves at most `rows` lines and shows that something was cut.
fn truncate(lines: &mut Vec<String>, rows: usize) {
    if lines.len() > rows {
        lines.truncate(rows);
        if let Some(last) = lines.last_mut() {
            let kept: String = last.chars().take(last.chars().count().saturating_sub(3)).collect();
            *last = kept + "...";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_white_space_and_breaks_long_words() {
        assert_eq!(wrap("a fox  jumps\nover", 8), ["a fox", "jumps", "over"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("to abcdef", 4), ["to", "abcd", "ef"]);
        assert!(wrap(" \n ", 4).is_empty());
    }

    #[test]
    fn takes_the_largest_scale_that_fits_and_cuts_in_the_smallest() {
        let area = Area { x: 0, y: 0, width: 160, height: 40 };
        assert_eq!(TextBlock::fitted("fox", area, &[4, 2, 1]).scale, 4);
        assert_eq!(TextBlock::fitted("a fox in snow", area, &[4, 2, 1]).scale, 2);
        let cut = TextBlock::fitted(&"word ".repeat(10_000), area, &[4, 2, 1]);
        assert_eq!((cut.scale, cut.lines.len()), (1, 4));
    }

    #[test]
    fn a_missing_glyph_is_a_box() {
        assert_eq!(glyph('雪'), MISSING);
        assert_ne!(glyph('é'), MISSING);
    }
}
