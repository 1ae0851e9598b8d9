import Foundation
import Imitation
import Runs
import Settings
import Torch

/// How much two kinds of episodes differ in their states, as far as a classifier can tell: total variation, from 0 (not
/// at all) to 1 (nothing in common), between a random state of a random episode of the one kind and of the other.
///
/// Whatever a classifier calls the first kind, `P(called | first) − P(called | second)` is at most the total variation,
/// and it is twice the balanced accuracy minus 1. Half of the episodes of either kind teach a classifier, the other
/// half is judged by it, and the other way round: nobody judges what it learned from.
public struct TotalVariation: Codable, Sendable {
  /// The mean of what the two classifiers show; around 0 where there is nothing to tell, so it can be negative.
  public let estimate: Double
  /// A nominal 95 % lower bound, at least 0: Hoeffding (1963), theorem 1, for the mean shares of either kind's
  /// episodes. Nominal, since the judgements of the two halves are taken as independent, and the one half is judged by
  /// who learned from the other. States of one episode are not, so few episodes say little: of 6 perfectly told from
  /// 20, it is 0.37.
  public let bound: Double

  private static let (steps, batch, risk) = (300, 256, 0.05)

  /// - Parameters: `first` and `second`, of at least two episodes each.
  init(between first: ExpertLatents, and second: ExpertLatents, seed: Seed) {
    let kinds = [first, second].map { latents in
      (latents, latents.lengths.indices.map { latents.places(ofEpisode: $0) })
    }
    precondition(kinds.allSatisfy { $0.1.count > 1 }, "an episode must be held out of either kind")
    self.init(
      shares: (0..<2).map { half in
        let classifier = Self.classifier(
          kinds.map { latents, episodes in (latents, episodes.indices.filter { $0 % 2 != half }.map { episodes[$0] }) },
          seed.step(half))
        return kinds.map { latents, episodes in
          episodes.indices.filter { $0 % 2 == half }.map { episode in
            noGrad { classifier(latents.features(at: Array(episodes[episode]))).isAtLeast(0).to(.float32).mean().item }
          }
        }
      })
  }

  /// - Parameter shares: of an episode's states, those that are called the first kind: by half, kind and episode. Both
  ///   halves weigh the same, however many episodes they have: a classifier that calls everything the first kind shows
  ///   nothing.
  init(shares: [[[Double]]]) {
    let means = (0..<2).map { kind in shares.map { $0[kind].mean }.mean }
    // No episode weighs more than it would among so many equal ones, to which the theorem's proof takes it back.
    let counts = (0..<2).map { kind in 2 * shares.map { $0[kind].count }.min()! }
    estimate = means[0] - means[1]
    bound = max(0, Self.leastMean(means[0], of: counts[0]) + Self.leastMean(1 - means[1], of: counts[1]) - 1)
  }

  /// Learns to give states of the first kind a positive logit and others a negative one, from as many of either.
  private static func classifier(_ kinds: [(latents: ExpertLatents, episodes: [Range<Int>])], _ seed: Seed) -> MLP {
    let (random, count) = (
      RandomSource(seed.stream("weights"), on: kinds[0].latents.deterministic.device),
      kinds[0].latents.features(at: [0]).count
    )
    let network = MLP(count, 1, width: 128, hiddenLayers: 2, using: random)
    let optimizer = Adam(network.namedParameters, OptimizerConfiguration { $0.learningRate = 1e-3 })
    var generator = seed.stream("batches").generator
    for _ in 0..<steps {
      let logits = kinds.map { latents, episodes in
        network(
          latents.features(
            at: (0..<batch / 2).map { _ in episodes.randomElement(using: &generator)!.randomElement(using: &generator)!
            }))
      }
      optimizer.step(minimizing: discriminatorLoss(expert: logits[0], learner: logits[1]))
    }
    return network
  }

  /// The least expectation of values in 0…1 under which a mean `x` of `count` of them is not less probable than half
  /// the risk: `P(mean ≥ x) ≤ exp(−n KL(x ‖ μ))`.
  static func leastMean(_ x: Double, of count: Int) -> Double {
    let limit = -log(risk / 2) / Double(count)
    let term = { (p: Double, q: Double) in p > 0 ? p * log(p / q) : 0 }
    var (low, high) = (0.0, x)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if term(x, middle) + term(1 - x, 1 - middle) > limit { low = middle } else { high = middle }
    }
    return low
  }
}

extension ExpertLatents {
  /// `(h, z)` of the states at some places, `[N, D + S·K]`.
  fileprivate func features(at places: [Int]) -> Tensor {
    states(at: Tensor(places.map(Int64.init), [places.count], on: deterministic.device)).features
  }
}
