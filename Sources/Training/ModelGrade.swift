import Foundation
import Imitation
import Runs
import Settings
import Torch
import WorldModel

/// Whether a reward that compares dreams with an expert says something in a world model: what actions change, beside
/// what the model errs by itself.
public struct ModelGrade: Codable, Sendable {
  /// Mean of eq 8 against the recorded expert states, by imagined step: of dreams under the expert's own actions, under
  /// random ones, and under a clone's, where one is asked about.
  public let expert, random: [Double]
  public let clone: [Double]?
  /// Mean of eq 8 between two dreams under the expert's actions that differ by their draws alone.
  public let draw: [Double]

  /// Windows that dreams start in.
  private static let windows = 256
  /// What actions change should be at least so many times what the model errs. results/studies/README.md has what it was
  /// on five tasks, and what DITTO gained there.
  private static let enough = 0.5

  /// - Parameters:
  ///   - latents: expert episodes; such as nothing was learned from say most.
  ///   - horizon: imagined steps, at most; as many as the longest episode allows.
  ///   - policy: features to actions, to be graded beside the expert's and random actions.
  /// - Throws: `ImitationError.episodesTooShort` where no episode has two states.
  public init(
    of imagination: Imagination, on latents: ExpertLatents, compared: ComparedState, horizon: Int, seed: Seed,
    policy: ((Tensor) -> ActionDistribution)? = nil
  ) throws {
    let horizon = max(1, min(horizon, (latents.lengths.max() ?? 1) - 1))
    let windows = try WindowSampler(latents, horizon: horizon, batch: Self.windows, seed: seed.stream("windows"))
      .windows(step: 0)
    let (start, actions) = (windows.states[0], windows.actions)
    let random = { (name: String) in RandomSource(seed.stream(name), on: imagination.device) }
    (expert, self.random, clone, draw) = noGrad {
      let means = { (a: LatentState, b: LatentState) -> [Double] in
        latentReward(expert: compared.reached(a), learner: compared.reached(b)).mean(over: 1).values()
      }
      let following = { (actions: Tensor, noise: String) in
        imagination.rollout(from: start, following: actions, using: random(noise)).states
      }
      let own = following(actions, "noise")
      let anything = imagination.actions.uniform(Array(actions.shape.prefix(2)), using: random("actions"))
      let cloned = policy.map {
        imagination.rollout(from: start, steps: horizon, using: random("noise"), policy: $0).states
      }
      return (
        means(windows.states, own), means(windows.states, following(anything, "noise")),
        cloned.map { means(windows.states, $0) },
        means(own, following(actions, "other noise"))
      )
    }
  }

  /// What actions change, `expert − random`, by what the model errs, `1 − expert`; by step.
  public var signal: [Double] { zip(expert, random).map { ($0 - $1) / max(1 - $0, 1e-6) } }

  /// The last step at which what actions change is at least half as large as what the model errs; 0 where it never is.
  public var usefulHorizon: Int { signal.lastIndex { $0 >= Self.enough }.map { $0 + 1 } ?? 0 }

  /// What actions change beside the model's own error, at the last step.
  private var facts: String {
    let number = { (value: Double) in String(format: "%.3f", value) }
    let last = expert.count - 1
    return """
      world model at step \(last + 1): the reward is \(number(expert[last])) under the expert's own actions, \
      \(number(random[last])) under random ones; \
      what actions change is \(String(format: "%.1f", signal[last])) times what the model errs by itself
      """
  }

  /// What to do where a reward says little; nil where it says something at every step.
  public var advice: String? {
    switch usefulHorizon {
    case expert.count: nil
    case 0:
      "a reward says next to nothing at any step: train the world model longer, enlarge it, or record more varied actions"
    default:
      "a reward says most up to step \(usefulHorizon): train the world model longer, or set imitation.horizon=\(usefulHorizon)"
    }
  }

  /// One line: at which horizon the reward says something, and what to do about it.
  public var verdict: String { "\(facts): \(advice ?? "a reward says something up to there")" }
}

extension ModelGrade: CustomStringConvertible {
  public var description: String {
    let number = { (value: Double) in String(format: "%.3f", value) }
    let rows = expert.indices.map { k in
      ["\(k + 1)", number(expert[k]), number(random[k])] + (clone.map { [number($0[k])] } ?? [])
        + [number(1 - expert[k]), number(1 - draw[k]), String(format: "%.2f", signal[k])]
    }
    let columns =
      ["step", "expert's actions", "random"] + (clone == nil ? [] : ["clone"]) + [
        "model's error", "of one draw", "signal by error",
      ]
    return "\(TextTable(columns: columns, rows: rows))\n\(facts)"
  }
}
