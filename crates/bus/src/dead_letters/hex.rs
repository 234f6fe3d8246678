use std::fmt::Write;

const PER_LINE: usize = 16;

/// Bytes as people read them: offset, hexadecimal, and what of it is ASCII.
pub(super) fn dump(bytes: &[u8]) -> String {
    let mut dump = String::new();
    for (line, chunk) in bytes.chunks(PER_LINE).enumerate() {
        let hex: String = chunk.iter().map(|byte| format!(" {byte:02x}")).collect();
        let text: String = chunk.iter().map(|&byte| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' }).collect();
        // Writing to a `String` does not fail.
        let _ = writeln!(dump, "{:08x} {hex:<48}  {text}", line * PER_LINE);
    }
    dump
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_with_their_place_and_their_text() {
        let shown = dump(b"a paper boat\n\x00\xff and more");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0], "00000000  61 20 70 61 70 65 72 20 62 6f 61 74 0a 00 ff 20  a paper boat... ");
        assert_eq!(lines[1], format!("00000010  61 6e 64 20 6d 6f 72 65{}  and more", " ".repeat(24)));
    }
}
