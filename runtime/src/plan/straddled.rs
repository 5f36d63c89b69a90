//! Which nodes groups straddle, and the nearest one below that none does.

/// Nodes of which some are straddled: a group has members both below and at or above them. Groups only grow, so a straddled node
/// stays one, and whoever looks for one that is not can step over all that were found before.
#[derive(Default)]
pub struct Straddled {
    /// For each node a node at or below it, itself when none straddles it; what lies between is straddled.
    below: Vec<u32>,
    #[cfg(test)]
    looks: usize,
}

impl Straddled {
    /// So many nodes, none of them straddled.
    pub fn new(count: usize) -> Straddled {
        Straddled {
            below: (0..count as u32).collect(),
            #[cfg(test)]
            looks: 0,
        }
    }

    /// Notes a group that has these as its first and last members.
    pub fn add(&mut self, first: usize, last: usize) {
        let mut node = self.nearest(last);
        while node > first {
            self.below[node] = node as u32 - 1;
            node = self.nearest(node - 1);
        }
    }

    /// The nearest node at or below one that no group straddles.
    pub fn nearest(&mut self, node: usize) -> usize {
        let mut node = node;
        while self.below[node] as usize != node {
            #[cfg(test)]
            {
                self.looks += 1;
            }
            // What is passed points farther down from now on.
            let below = self.below[node] as usize;
            self.below[node] = self.below[below];
            node = self.below[node] as usize;
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_node_is_below_all_that_straddle() {
        let mut straddled = Straddled::new(10);
        straddled.add(2, 4);
        straddled.add(6, 8);
        let nearest = |straddled: &mut Straddled| (0..10).map(|node| straddled.nearest(node)).collect::<Vec<_>>();
        assert_eq!(nearest(&mut straddled), [0, 1, 2, 2, 2, 5, 6, 6, 6, 9]);
        straddled.add(3, 7);
        assert_eq!(nearest(&mut straddled), [0, 1, 2, 2, 2, 2, 2, 2, 2, 9]);
    }

    /// Groups that grow by a node each time, and others that straddle half of a long program.
    #[test]
    fn looks_are_in_proportion_to_the_nodes() {
        const NODES: usize = 100_000;
        let mut straddled = Straddled::new(NODES);
        for last in 1..NODES {
            straddled.add(last / 2, last);
            straddled.nearest(last);
        }
        assert!(straddled.looks < 20 * NODES, "{} looks for {NODES} nodes", straddled.looks);
    }
}
