//! The official numbers of Omniglot's characters, 1 to 1,623: what file names begin with (`0709_01.png`) and what labels
//! in parquet count. Alphabets are numbered one after the other, and inside each the characters.

/// Characters and name of every alphabet, in the order of the numbers; the first 30 are the background set.
const ALPHABETS: [(i64, &str); 50] = [
    (26, "Arcadian"),
    (41, "Armenian"),
    (40, "Asomtavruli_(Georgian)"),
    (24, "Balinese"),
    (46, "Bengali"),
    (14, "Blackfoot_(Canadian_Aboriginal_Syllabics)"),
    (26, "Braille"),
    (33, "Cyrillic"),
    (22, "Early_Aramaic"),
    (23, "Syriac_(Estrangelo)"),
    (29, "Anglo-Saxon_Futhorc"),
    (26, "Futurama"),
    (43, "Grantha"),
    (24, "Greek"),
    (48, "Gujarati"),
    (22, "Hebrew"),
    (52, "Japanese_(hiragana)"),
    (16, "Inuktitut_(Canadian_Aboriginal_Syllabics)"),
    (40, "Malay_(Jawi_-_Arabic)"),
    (47, "Japanese_(katakana)"),
    (40, "Korean"),
    (26, "Latin"),
    (20, "Alphabet_of_the_Magi"),
    (41, "Mkhedruli_(Georgian)"),
    (34, "Burmese_(Myanmar)"),
    (33, "N_Ko"),
    (14, "Ojibwe_(Canadian_Aboriginal_Syllabics)"),
    (42, "Sanskrit"),
    (17, "Tagalog"),
    (55, "Tifinagh"),
    (20, "Angelic"),
    (26, "Atemayar_Qelisayer"),
    (26, "Atlantean"),
    (26, "Aurek-Besh"),
    (26, "Avesta"),
    (26, "Ge_ez"),
    (45, "Glagolitic"),
    (45, "Gurmukhi"),
    (41, "Kannada"),
    (26, "Keble"),
    (47, "Malayalam"),
    (40, "Manipuri"),
    (30, "Mongolian"),
    (45, "Old_Church_Slavonic_(Cyrillic)"),
    (46, "Oriya"),
    (23, "Syriac_(Serto)"),
    (28, "Sylheti"),
    (25, "Tengwar"),
    (42, "Tibetan"),
    (26, "ULOG"),
];

/// Alphabet and `characterNN` of a number; none outside 1 to 1,623.
pub(super) fn character(number: i64) -> Option<(&'static str, String)> {
    let mut first = 1;
    for (characters, alphabet) in ALPHABETS {
        if (first..first + characters).contains(&number) {
            return Some((alphabet, format!("character{:02}", number - first + 1)));
        }
        first += characters;
    }
    None
}

/// Number and drawing of a file called `0709_01.png`, in whatever folder; none for another name.
pub(super) fn of_file(path: &str) -> Option<(i64, i64)> {
    let name = path.rsplit('/').next()?.strip_suffix(".png")?;
    let (number, drawing) = name.split_once('_')?;
    let (number, drawing) = (number.parse().ok()?, drawing.parse().ok()?);
    ((1..=1623).contains(&number) && (1..=20).contains(&drawing)).then_some((number, drawing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_cover_all_characters_once() {
        let all: std::collections::BTreeSet<_> = (1..=1623).map(|number| character(number).unwrap()).collect();
        assert_eq!(all.len(), 1623);
        assert_eq!(ALPHABETS[..30].iter().map(|(characters, _)| characters).sum::<i64>(), 964);
        assert_eq!(character(709), Some(("Alphabet_of_the_Magi", "character01".into())));
        assert_eq!(character(0), None);
        assert_eq!(character(1624), None);
    }

    #[test]
    fn file_names_are_read_and_others_are_not() {
        assert_eq!(of_file("a/b/0709_01.png"), Some((709, 1)));
        for other in ["0709.png", "x_01.png", "0709_21.png", "1624_01.png", "0709_01.jpg", ""] {
            assert_eq!(of_file(other), None, "{other}");
        }
    }
}
