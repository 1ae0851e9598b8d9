import Foundation
import Settings
import Spaces
import Torch
import WorldModel

/// The best that equation 8 can teach where it looks a few steps ahead: in dreams, all short sequences of actions are
/// tried, and a policy learns the first action of the one that stays closest to the expert (Ross et al. 2011, with a
/// search in the model for an expert to ask). If it plays no better than a clone, no optimiser is to blame for a policy
/// that does not either.
public final class SequenceSearch {
  private let imagination: Imagination
  private let compared: ComparedState
  private let windows: WindowSampler
  private let learner: DBC
  private let seed: Seed
  /// All sequences, `[steps, sequences, 1]`.
  private let sequences: Tensor
  /// Steps that are looked ahead.
  public let depth: Int
  private let actionCount: Int
  /// What was searched so far: features `[N, F]`, the best first action `[N, 1]` and how much it gains over the worst,
  /// `[N]`; the newest last.
  private var found: [(features: Tensor, action: Tensor, gain: Tensor)] = []

  /// Windows that are searched in at a time, dreamed steps of each, steps from one search to the next, searches that
  /// are learned from, and gradient steps after each dream, of so many searched states each.
  private static let (batch, roll, interval, kept, learningSteps, learningBatch) = (32, 8, 2, 200, 10, 256)
  /// Sequences that are tried, at most; steps, at most; dreams side by side, about, which is what memory it needs.
  private static let (most, deepest, rows) = (1300, 6, 4096)
  /// Weight of the expert's own states beside the searched ones.
  private static let cloningWeight = 0.3

  /// - Parameter learner: what learns, best from a clone on.
  /// - Throws: `ImitationError.episodesTooShort` where no episode is as long as a dream and a search.
  public init(
    _ imagination: Imagination, _ compared: ComparedState, on expert: ExpertLatents, teaching learner: DBC,
    seed: Seed
  ) throws {
    guard let count = imagination.actions.discreteCount else {
      preconditionFailure("only sequences of discrete actions can all be tried")
    }
    (self.imagination, self.compared, self.learner, self.seed, actionCount) = (
      imagination, compared, learner, seed, count
    )
    let reach = count > 1 ? Int(Foundation.log(Double(Self.most)) / Foundation.log(Double(count))) : 1
    depth = max(1, min(Self.deepest, reach))
    let all = (0..<depth).reduce([[Float]()]) { sequences, _ in
      sequences.flatMap { start in (0..<count).map { start + [Float($0)] } }
    }
    sequences = Tensor(
      (0..<depth).flatMap { step in all.map { $0[step] } }, [depth, all.count, 1], on: imagination.device)
    windows = try WindowSampler(expert, horizon: Self.roll + depth, batch: Self.batch, seed: seed.stream("windows"))
  }

  /// One dream under the policy, with searches on its way, and some gradient steps on what they found.
  /// - Returns: how often the best first action is the expert's, and what it gains over the worst.
  public func update(step: Int) -> (agreement: Double, gain: Double) {
    let window = windows.windows(step: step)
    let random = RandomSource(seed.stream("dreams").step(step), on: imagination.device)
    let dream = imagination.rollout(from: window.states[0], steps: Self.roll, using: random, policy: learner.policy)
    var (agreement, gain) = (0.0, 0.0)
    let searched = stride(from: 0, to: Self.roll, by: Self.interval)
    for t in searched {
      let (action, gains) = best(from: dream.states[t], reference: window.states.sliced(t..<t + depth + 1), random)
      found.append((dream.states[t].features, action, gains))
      agreement += imagination.actions.likeness(action, window.actions[t]).mean().item
      gain += gains.mean().item
    }
    found = found.suffix(Self.kept)
    let (features, actions) = (concatenated(found.map(\.features), axis: 0), concatenated(found.map(\.action), axis: 0))
    let gains = concatenated(found.map(\.gain), axis: 0)
    for learning in step * Self.learningSteps..<(step + 1) * Self.learningSteps {
      let draw = RandomSource(seed.stream("labels").step(learning), on: imagination.device)
      let some = (Tensor.uniform([Self.learningBatch], using: draw) * Double(gains.count)).to(.int64)
      learner.update(
        on: features.taking(some), actions.taking(some), weights: gains.taking(some) / (gains.mean() + 1e-9),
        expertWeight: Self.cloningWeight, step: learning)
    }
    let count = Double(Array(searched).count)
    return (agreement / count, gain / count)
  }

  /// The first action of the best sequence from each state, `[B, 1]`, and what it gains over the worst, `[B]`.
  /// - Parameter reference: the expert's states from then on, `[depth + 1, B, …]`.
  func best(from start: LatentState, reference: LatentState, _ random: RandomSource) -> (action: Tensor, gain: Tensor) {
    noGrad {
      let (batch, count) = (start.deterministic.shape[0], sequences.shape[1])
      let together = max(1, Self.rows / count)
      let byFirst = stride(from: 0, to: batch, by: together).map { first in
        let rows = (first * count..<min(first + together, batch) * count)
        let states = Tensor(rows.map { Int64($0 / count) }, [rows.count], on: imagination.device)
        let each = Tensor(rows.map { Int64($0 % count) }, [rows.count], on: imagination.device)
        let starts = LatentState(
          deterministic: start.deterministic.taking(states), stochastic: start.stochastic.taking(states))
        // The sequences of a state share the noise: what differs is what actions did.
        let noise = SharedNoise(
          random.seed.stream("search").step(first), dreamsPerWindow: count, on: imagination.device)
        let dreams = imagination.rollout(
          from: starts, following: sequences.taking(each, axis: 1), using: random, noise: noise
        ).states
        let expert = compared.reached(reference).taking(states, axis: 1)
        let returns = latentReward(expert: expert, learner: compared.reached(dreams)).sum(over: 0)
        // Sequences of one first action are side by side.
        return returns.reshaped(-1, actionCount, count / actionCount).max(over: 2)
      }
      let best = concatenated(byFirst, axis: 0)  // [B, A]
      return (best.argmax(over: 1).to(.float32).reshaped(-1, 1), best.max(over: 1) + (-best).max(over: 1))
    }
  }
}
