//! Finds many texts at once in a stream of bytes, in one pass, whatever they are.
//!
//! This is the automaton of A. V. Aho and M. J. Corasick, "Efficient string matching: an aid to bibliographic search",
//! Communications of the ACM 18 (6), 1975: a trie of the texts, where each node knows the longest proper suffix of its
//! own text that is in the trie too. It knows nothing of secrets.

/// The root's number; as a link of a node it means "none".
const ROOT: u32 = 0;

/// A trie of texts with the links between its nodes.
pub(super) struct Automaton {
    nodes: Vec<Node>,
    /// The children of the root by byte: where most bytes of most streams end.
    first: Box<[u32; 256]>,
}

/// A node stands for the text on the way to it. Compact, because the forms of a long secret have many of them.
#[derive(Clone, Default)]
struct Node {
    byte: u8,
    depth: u32,
    child: u32,
    sibling: u32,
    /// The node of the longest proper suffix.
    suffix: u32,
    /// The length of the longest of the texts that ends here; 0 if none does.
    found: u32,
}

/// How far a stream has come.
#[derive(Clone, Copy, Default)]
pub(super) struct Position(u32);

impl Automaton {
    /// Builds the automaton of `texts`; empty ones are left out.
    pub(super) fn new<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let mut automaton = Self { nodes: vec![Node::default()], first: Box::new([ROOT; 256]) };
        for text in texts {
            automaton.insert(text);
        }
        automaton.link();
        automaton
    }

    fn insert(&mut self, text: &[u8]) {
        let mut here = ROOT;
        for byte in text {
            here = self.child(here, *byte).unwrap_or_else(|| self.add(here, *byte));
        }
        let node = &mut self.nodes[here as usize];
        node.found = node.depth;
    }

    fn add(&mut self, parent: u32, byte: u8) -> u32 {
        let number = u32::try_from(self.nodes.len()).expect("secrets are bounded, so are their forms");
        let above = &mut self.nodes[parent as usize];
        let node = Node { byte, depth: above.depth + 1, sibling: above.child, ..Node::default() };
        above.child = number;
        self.nodes.push(node);
        if parent == ROOT {
            self.first[usize::from(byte)] = number;
        }
        number
    }

    fn child(&self, parent: u32, byte: u8) -> Option<u32> {
        if parent == ROOT {
            return Some(self.first[usize::from(byte)]).filter(|child| *child != ROOT);
        }
        let mut child = self.nodes[parent as usize].child;
        while child != ROOT {
            let node = &self.nodes[child as usize];
            if node.byte == byte {
                return Some(child);
            }
            child = node.sibling;
        }
        None
    }

    /// Links each node to its longest suffix, shorter texts first.
    fn link(&mut self) {
        let mut level = vec![ROOT];
        while !level.is_empty() {
            let mut next = Vec::new();
            for parent in level {
                let mut child = self.nodes[parent as usize].child;
                while child != ROOT {
                    let byte = self.nodes[child as usize].byte;
                    let suffix = match parent {
                        ROOT => ROOT,
                        _ => self.step(Position(self.nodes[parent as usize].suffix), byte).0,
                    };
                    let inherited = self.nodes[suffix as usize].found;
                    let node = &mut self.nodes[child as usize];
                    node.suffix = suffix;
                    node.found = node.found.max(inherited);
                    next.push(child);
                    child = node.sibling;
                }
            }
            level = next;
        }
    }

    /// Goes on by one byte.
    pub(super) fn step(&self, from: Position, byte: u8) -> Position {
        let mut here = from.0;
        loop {
            match self.child(here, byte) {
                Some(child) => return Position(child),
                None if here == ROOT => return Position(ROOT),
                None => here = self.nodes[here as usize].suffix,
            }
        }
    }

    /// Returns the length of the longest text that ends here; 0 if none does.
    pub(super) fn found(&self, here: Position) -> usize {
        self.nodes[here.0 as usize].found as usize
    }

    /// Returns how many of the last bytes may yet become part of a text.
    pub(super) fn depth(&self, here: Position) -> usize {
        self.nodes[here.0 as usize].depth as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns each place where a text ends, with the longest that does.
    fn find(texts: &[&str], stream: &str) -> Vec<(usize, usize)> {
        let automaton = Automaton::new(texts.iter().map(|text| text.as_bytes()));
        let mut here = Position::default();
        let mut found = Vec::new();
        for (index, byte) in stream.bytes().enumerate() {
            here = automaton.step(here, byte);
            if automaton.found(here) > 0 {
                found.push((index + 1, automaton.found(here)));
            }
        }
        found
    }

    #[test]
    fn texts_within_and_across_each_other_are_found() {
        assert_eq!(find(&["he", "she", "his", "hers"], "ushers"), [(4, 3), (6, 4)]);
        assert_eq!(find(&["abcd", "bc"], "abce"), [(3, 2)]);
        assert_eq!(find(&["aa"], "aaaa"), [(2, 2), (3, 2), (4, 2)]);
        assert_eq!(find(&[], "anything"), []);
        assert_eq!(find(&[""], "anything"), []);
    }

    #[test]
    fn the_answers_are_those_of_a_search_for_each_text() {
        // All streams over two letters up to length 10, against texts within each other.
        let words = |length: u32| {
            (0..1_u32 << length).map(move |bits| {
                (0..length).map(|bit| if bits >> bit & 1 == 0 { 'a' } else { 'b' }).collect::<String>()
            })
        };
        let texts = ["ab", "bab", "aab", "b", "bbb"];
        for stream in (0..=10).flat_map(words) {
            let mut expected = Vec::new();
            for end in 1..=stream.len() {
                let longest =
                    texts.iter().filter(|text| stream[..end].ends_with(**text)).map(|text| text.len()).max();
                expected.extend(longest.map(|length| (end, length)));
            }
            assert_eq!(find(&texts, &stream), expected, "{stream}");
        }
    }
}
