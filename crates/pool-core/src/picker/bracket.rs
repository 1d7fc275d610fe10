//! The choice among many, kept ready: a tournament in which the least rank wins, and of equals the first in line.

/// What decides between two: the least comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Rank {
    /// How far its leases are beyond what one credential should carry.
    pub(super) overload: u32,
    /// What the strategy looks at.
    pub(super) key: (u64, u64),
}

/// A winner among some in line, and how many of them are equal to it.
#[derive(Clone, Copy, Debug)]
struct Node {
    rank: Rank,
    equals: u32,
}

/// Nobody plays here.
const NOBODY: Node = Node { rank: Rank { overload: u32::MAX, key: (u64::MAX, u64::MAX) }, equals: 0 };

/// All players in line, with the winner of each half, quarter and so on above them.
#[derive(Debug)]
pub(super) struct Bracket {
    /// The root is at 1, the children of `n` are at `2n` and `2n + 1`, and the line begins at `width`.
    nodes: Vec<Node>,
    width: usize,
}

impl Bracket {
    /// A tournament of these players; `None` sits out.
    pub(super) fn of(players: impl ExactSizeIterator<Item = Option<Rank>>) -> Self {
        let width = players.len().next_power_of_two();
        let mut nodes = vec![NOBODY; 2 * width];
        for (node, player) in nodes[width..].iter_mut().zip(players) {
            *node = Node::of(player);
        }
        let mut bracket = Self { nodes, width };
        for index in (1..width).rev() {
            bracket.nodes[index] = bracket.winner(index);
        }
        bracket
    }

    /// Gives a player another rank, or lets it sit out.
    pub(super) fn set(&mut self, player: usize, rank: Option<Rank>) {
        let mut index = self.width + player;
        self.nodes[index] = Node::of(rank);
        while index > 1 {
            index /= 2;
            self.nodes[index] = self.winner(index);
        }
    }

    /// Chooses among the equals of the winner: the first of them, or whom `choose` names of so many.
    pub(super) fn first(&self, choose: impl FnOnce(u32) -> u32) -> Option<usize> {
        let best = self.nodes[1];
        if best.equals == 0 {
            return None;
        }
        let mut before = choose(best.equals).min(best.equals - 1);
        let mut index = 1;
        while index < self.width {
            index *= 2;
            let left = self.nodes[index];
            let in_left = if left.rank == best.rank { left.equals } else { 0 };
            if before >= in_left {
                before -= in_left;
                index += 1;
            }
        }
        Some(index - self.width)
    }

    fn winner(&self, index: usize) -> Node {
        let (left, right) = (self.nodes[2 * index], self.nodes[2 * index + 1]);
        match left.rank.cmp(&right.rank) {
            std::cmp::Ordering::Less => left,
            std::cmp::Ordering::Greater => right,
            std::cmp::Ordering::Equal => Node { equals: left.equals + right.equals, ..left },
        }
    }
}

impl Node {
    fn of(rank: Option<Rank>) -> Self {
        rank.map_or(NOBODY, |rank| Self { rank, equals: 1 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rank(key: u64) -> Rank {
        Rank { overload: 0, key: (key, 0) }
    }

    #[test]
    fn nobody_wins_where_nobody_plays() {
        assert_eq!(Bracket::of([].into_iter()).first(|_| 0), None);
        assert_eq!(Bracket::of([None, None, None].into_iter()).first(|_| 0), None);
    }

    proptest! {
        #[test]
        fn the_winner_is_the_one_that_a_walk_down_the_line_finds(
            players in prop::collection::vec(prop::option::of(0..4_u64), 1..40),
            moves in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(0..4_u64)), 0..40),
            chosen in any::<prop::sample::Index>(),
        ) {
            let mut players = players;
            let mut bracket = Bracket::of(players.iter().map(|player| player.map(rank)));
            for (who, next) in moves {
                let who = who.index(players.len());
                players[who] = next;
                bracket.set(who, next.map(rank));
            }
            let best = players.iter().flatten().min().copied();
            let equals: Vec<usize> =
                (0..players.len()).filter(|who| best.is_some() && players[*who] == best).collect();
            prop_assert_eq!(bracket.first(|_| 0), equals.first().copied());
            if !equals.is_empty() {
                let wanted = chosen.index(equals.len());
                prop_assert_eq!(bracket.first(|_| wanted as u32), Some(equals[wanted]));
            }
        }
    }
}
