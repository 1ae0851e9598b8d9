import Demonstrations
import Foundation
import Imitation
import Runs
import Settings
import Spaces
import Torch
import Training
import WorldModel

/// Does a reward tell the expert from others? Asked before an agent is trained: dreams from expert starts, held out
/// from what is learned where there are enough, under the expert's own actions, under a policy cloned from its latents
/// (D-BC), and under random actions, and what each earns at every step.
public struct SignalStudy: Codable, Sendable {
  /// What one kind of dream earns of one reward.
  public struct Signal: Codable, Sendable {
    public let reward: String
    /// `expert`, `dbc` or `random`.
    public let actions: String
    /// By imagined step: mean, standard deviation, and the 10 % and 90 % quantiles over dreams.
    public let mean, deviation, low, high: [Double]
    /// By step, the probability that a dream under the expert's actions earns more than this one does from its start
    /// (ties count half): 0.5 says that the reward does not tell them apart, 1 that it always does.
    public let separation: [Double]
  }

  public let signals: [Signal]
  /// Episodes that dreams start in and nothing was learned from. 0 where there are none: dreams then start in episodes
  /// that were, and rewards know them.
  public let heldOut: Int

  /// Dreams of each kind.
  private static let dreams = 512
  /// Gradient steps of the cloned policy, and of discriminators, which learn from random dreams.
  private static let (cloningSteps, discriminatorSteps) = (1000, 200)

  /// - Parameters:
  ///   - useEpisodes: expert episodes that rewards and cloning learn from, nil for all but two; dreams start in later
  ///     ones, where there are any.
  /// - Throws: as `AgentRun.start`.
  public init(
    _ world: LoadedWorldModel, _ dataset: Dataset, useEpisodes: Int?, rewards: [RewardKind],
    _ configuration: AgentConfiguration, seed: UInt64, _ compute: Compute
  ) throws {
    let (count, imitation, seed) = (dataset.episodes.count, configuration.imitation, Seed(seed).stream("signal"))
    let useEpisodes = useEpisodes ?? max(1, count - 2)
    guard useEpisodes <= count else {
      throw ExperimentError.tooFewEpisodes(dataset: dataset.name, wanted: useEpisodes, found: count)
    }
    try dataset.checkFits(world.model.observation, world.model.actions)
    let cache = LatentCache(world)
    let expert = try cache.latents(of: dataset, episodes: 0..<useEpisodes, on: compute.device)
    heldOut = count - useEpisodes
    if heldOut == 0 {
      Observer.warn(
        "\(dataset.name): all \(count) episodes are learned from, so dreams start in those too, and rewards tell the expert better than they do elsewhere"
      )
    }
    let unseen =
      heldOut > 0 ? try cache.latents(of: dataset, episodes: useEpisodes..<count, on: compute.device) : expert
    let windows = try WindowSampler(
      unseen, horizon: imitation.horizon, batch: Self.dreams, seed: seed.stream("windows")
    ).windows(step: 0)
    let imagination = Imagination(world.model, compute.precision)

    let cloner = try DBC(world.model, configuration.cloning, imitation.policy, expert: expert, seed: seed)
    let progress = ProgressMeter("cloning", total: Self.cloningSteps)
    for step in 0..<Self.cloningSteps {
      _ = cloner.update(step: step, progress: Double(step) / Double(Self.cloningSteps))
      progress.update(step + 1)
    }

    // One noise for all, so that they differ by their actions alone as far as that goes.
    let random = { (name: String) in RandomSource(seed.stream(name), on: compute.device) }
    let (start, shape) = (windows.states[0], Array(windows.actions.shape.prefix(2)))
    let anything = { (source: RandomSource) in world.model.actions.uniform(shape, using: source) }
    let dreams: [(String, Rollout)] = noGrad {
      [
        ("expert", imagination.rollout(from: start, following: windows.actions, using: random("noise"))),
        (
          "dbc",
          imagination.rollout(from: start, steps: imitation.horizon, using: random("noise"), policy: cloner.policy)
        ),
        ("random", imagination.rollout(from: start, following: anything(random("actions")), using: random("noise"))),
      ]
    }

    let context = RewardContext(
      expert: expert, sizes: world.model.sizes, actions: world.model.actions, policy: imitation.policy,
      seed: seed.stream("reward"))
    let learned = try WindowSampler(
      expert, horizon: imitation.horizon, batch: Self.dreams, seed: seed.stream("learned"))
    signals = try RewardKind.allCases.filter(rewards.contains).flatMap { kind -> [Signal] in
      Observer.note("reward \(kind.name)")
      var settings = imitation.reward
      for other in RewardKind.allCases { settings.weights[other] = other == kind ? 1 : 0 }
      let reward = try settings.reward(context)
      if kind.isAdversarial {
        for step in 0..<Self.discriminatorSteps {
          let windows = learned.windows(step: step)
          let other = imagination.rollout(
            from: windows.states[0], following: anything(random("adversary \(step)")),
            using: random("adversary noise \(step)"))
          _ = reward.update(windows, other, progress: Double(step) / Double(Self.discriminatorSteps))
        }
      }
      let rewards = dreams.map { reward(windows, $0.1).to(.float32).values(as: Float.self).map(Double.init) }
      return zip(dreams, rewards).map {
        Signal(reward: kind.name, actions: $0.0, $1, expert: rewards[0], steps: shape[0])
      }
    }
  }
}

extension SignalStudy.Signal {
  /// - Parameters: `values` and `expert`, `[steps, dreams]`.
  init(reward: String, actions: String, _ values: [Double], expert: [Double], steps: Int) {
    let count = values.count / steps
    let rows = (0..<steps).map { Array(values[$0 * count..<($0 + 1) * count]) }
    let sorted = rows.map { $0.sorted() }
    (self.reward, self.actions) = (reward, actions)
    (mean, deviation) = (rows.map(\.mean), rows.map { $0.count > 1 ? $0.variance.squareRoot() : 0 })
    (low, high) = (sorted.map { quantile(0.1, ofSorted: $0) }, sorted.map { quantile(0.9, ofSorted: $0) })
    separation = rows.enumerated().map { step, row in
      zip(expert[step * count..<(step + 1) * count], row).map { $0 > $1 ? 1 : $0 == $1 ? 0.5 : 0 }.mean
    }
  }
}

extension SignalStudy: CustomStringConvertible {
  /// Rewards by how well their mean over a whole dream tells the expert's actions from random ones.
  public var description: String {
    let names = signals.map(\.reward).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let number = { (value: Double) in String(format: "%.3f", value) }
    let rows = names.map { name -> [String] in
      let own = { (who: String) in signals.first { $0.reward == name && $0.actions == who }! }
      return [name] + ["expert", "dbc", "random"].map { number(own($0).mean.mean) }
        + ["dbc", "random"].map { number(own($0).separation.last!) }
    }
    let table = TextTable(
      columns: ["reward", "expert", "dbc", "random", "expert > dbc", "expert > random"], rows: rows)
    let starts =
      heldOut > 0
      ? ""
      : "\nDreams start in the episodes that rewards and cloning learned from: in others, rewards tell the expert less."
    return
      "\(table)\n\nMeans over all steps and dreams; and how often the expert's actions earn more at the last step than the others from the same start: 0.5 tells nothing apart.\(starts)"
  }

  /// A panel for each reward: what each kind of dream earns, step by step, with the middle 80 % of the dreams.
  public var picture: String {
    let names = signals.map(\.reward).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    return LineChart.svg(
      names.map { name in
        LineChart(
          title: name, xLabel: "imagined steps", yLabel: "reward",
          series: signals.filter { $0.reward == name }.map { signal in
            .init(
              signal.actions,
              signal.mean.indices.map {
                .init(x: Double($0 + 1), y: signal.mean[$0], low: signal.low[$0], high: signal.high[$0])
              })
          })
      })
  }
}
