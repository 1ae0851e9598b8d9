import Demonstrations
import Evaluation
import Foundation
import Imitation
import Runs
import Settings
import Torch
import Training
import WorldModel

/// Do players stay where the expert is? Plays whole episodes in the real environment and measures, with one world
/// model's encoder for all players, how far each visited latent is from the nearest of the expert's, step by step; and how
/// well visited latents can be told from the expert's at all.
///
/// Source: DITTO, section 3.1. Equation 6 bounds the divergence of true states by that of latents, and equation 5 the
/// difference of discounted returns by `R_max / (1 − γ)` times their total variation. A lower bound on that says how
/// much this promise leaves open at least, not how much is lost: a player may earn the expert's return elsewhere.
/// Visits are the real ones and not discounted.
public struct DriftStudy: Codable, Sendable {
  public struct Path: Codable, Sendable {
    /// `expert` for the dataset's episodes, each against all others; `random`; or an agent's name.
    public let player: String
    /// By environment steps taken, the mean distance over the episodes that still run: 1 minus equation 8's similarity
    /// to the nearest of all expert latents.
    public let distance: [Double]
    /// Of the mean, by steps; 0 for one episode.
    public let standardError: [Double]
    /// Episodes that still run, by steps. Who is lost ends, and is missed in the mean from then on.
    public let running: [Int]
    /// The share of episodes that last as long as the shortest of the expert's.
    public let lasting: Double
    /// The mean distance in the last states, in their order, of the episodes that end earlier than that; empty where
    /// none does.
    public let ending: [Double]
    /// Between the expert's latents and the player's: how different a classifier shows them to be, and a lower bound.
    /// For `expert`, of the dataset's even and odd episodes.
    public let totalVariation: TotalVariation
  }

  public let paths: [Path]
  /// Of the dataset's longest episode, in states.
  public let length: Int

  /// States before an early end that are looked at.
  fileprivate static let endingStates = 20
  /// As many as it takes to teach and to judge from either half of the episodes.
  private static let expertEpisodes = 4

  /// - Parameters:
  ///   - agents: with names of their own; they need not have been learned in `world`.
  ///   - dataset: expert episodes in `environment`.
  ///   - episodes: of each player, at least 2; the same ones for all.
  /// - Throws: `ExperimentError` where the parts do not belong together; what the environment and reading frames throw.
  public init(
    _ world: LoadedWorldModel, _ dataset: Dataset, _ agents: [(name: String, agent: LoadedAgent)], environment: String,
    episodes: Int, seed: UInt64,
    _ compute: Compute
  ) throws {
    let (model, pipeline) = (world.model, world.configuration.pipeline)
    guard dataset.episodes.count >= Self.expertEpisodes else {
      throw ExperimentError.tooFewEpisodes(
        dataset: dataset.name, wanted: Self.expertEpisodes, found: dataset.episodes.count)
    }
    try dataset.checkFits(model.observation, model.actions)
    try dataset.checkFits(pipeline)
    let names = ["expert", "random"] + agents.map(\.name)
    if let name = names.enumerated().first(where: { names[..<$0].contains($1) })?.element {
      throw ExperimentError.namedTwice(name)
    }
    for (name, loaded) in agents where !loaded.agent.actions.fits(model.actions) {
      throw ExperimentError.wrongActions(what: name, found: loaded.agent.actions, expected: model.actions)
    }
    if let other = agents.first(where: { $0.agent.pipeline != pipeline }) {
      throw ExperimentError.otherEyes(agent: other.name, worldModel: world.url.path)
    }

    let seeds = Seed(seed).stream("drift")
    let expert = try LatentCache(world).latents(of: dataset, episodes: 0..<dataset.episodes.count, on: compute.device)
    let all = Array(expert.lengths.indices)
    let (shortest, even, odd) = (expert.lengths.min()!, all.filter { $0 % 2 == 0 }, all.filter { $0 % 2 == 1 })
    let floor = Path(
      "expert",
      all.map { index in expert.episodes(all.filter { $0 != index }).distances(of: expert.episodes([index])) },
      shortest,
      TotalVariation(between: expert.episodes(even), and: expert.episodes(odd), seed: seeds.stream("classifier")))

    let players: [(String, Player)] = agents.map { ($0.name, .agent($0.agent.agent)) } + [("random", .random)]
    paths =
      [floor]
      + (try players.map { name, player in
        var (visited, distances) = ([ExpertLatents](), [[Double]]())
        let evaluation = Evaluation(environment: environment, pipeline: pipeline, episodes: episodes, seed: seed)
        _ = try evaluation.run(player, named: name, keepsFrames: { _ in true }) { episode in
          // One by one, so that no more frames are kept than those of the episodes that run side by side.
          let recorded = ExpertEpisode(actions: episode.actions.map(model.actions.scaled), frames: episode.frames)
          let seen = try ExpertLatents(
            encoding: [recorded], with: model, seed: seeds.stream("encode").step(episode.index))
          visited.append(seen)
          distances.append(expert.distances(of: seen))
        }
        return Path(
          name, distances, shortest,
          TotalVariation(between: expert, and: ExpertLatents(joining: visited), seed: seeds.stream("classifier")))
      })
    length = expert.lengths.max()!
  }
}

extension DriftStudy.Path {
  /// - Parameters:
  ///   - distances: of each episode's states.
  ///   - enough: states of an episode that lasts.
  init(_ player: String, _ distances: [[Double]], _ enough: Int, _ totalVariation: TotalVariation) {
    let steps = (0..<distances.map(\.count).max()!).map { t in distances.filter { $0.count > t }.map { $0[t] } }
    (self.player, self.totalVariation) = (player, totalVariation)
    (distance, running) = (steps.map(\.mean), steps.map(\.count))
    standardError = steps.map { $0.count > 1 ? ($0.variance / Double($0.count)).squareRoot() : 0 }
    lasting = Double(distances.count { $0.count >= enough }) / Double(distances.count)
    let early = distances.filter { $0.count < enough }
    ending = (1...DriftStudy.endingStates).reversed().compactMap { before in
      let states = early.compactMap { $0.count >= before ? $0[$0.count - before] : nil }
      return states.isEmpty ? nil : states.mean
    }
  }

  /// The mean over all states visited in a range of steps; nil where no episode came so far.
  func mean(_ range: Range<Int>) -> Double? {
    let steps = range.clamped(to: distance.indices)
    return steps.isEmpty
      ? nil : steps.reduce(0) { $0 + distance[$1] * Double(running[$1]) } / Double(running[steps].reduce(0, +))
  }
}

extension ExpertLatents {
  /// How far each of the other's states is from the nearest of these.
  fileprivate func distances(of other: ExpertLatents) -> [Double] {
    distance(from: other.states(0..<other.count).features).values(as: Float.self).map(Double.init)
  }
}

extension DriftStudy: CustomStringConvertible {
  public var description: String {
    let number = { (value: Double?) in value.map { String(format: "%.3f", $0) } ?? "" }
    let rows = paths.map { path in
      [path.player] + (0..<3).map { number(path.mean($0 * length / 3..<($0 + 1) * length / 3)) }
        + [
          String(format: "%.2f", path.lasting), number(path.ending.last), number(path.totalVariation.estimate),
          number(path.totalVariation.bound),
        ]
    }
    let table = TextTable(
      columns: ["player", "early", "middle", "late", "lasting", "early end", "TV", "TV at least"], rows: rows)
    return """
      \(table)

      Mean distance from the nearest expert latent in each third of the longest expert episode, over the episodes that still run; the share of episodes that last
      as long as the shortest of the expert's, and the mean distance in the last states of those that do not; and the total variation from the expert's latents that a
      classifier shows on episodes it did not learn from, with its nominal 95 % lower bound. The expert's own episodes are compared with its others.
      """
  }

  /// How far from the expert, with one standard error to either side; how many episodes still run; and where those that
  /// end early do so.
  public var picture: String {
    LineChart.svg([
      LineChart(
        title: "Distance from the expert", xLabel: "environment steps",
        yLabel: "1 − similarity to the nearest expert latent",
        series: paths.map { path in
          .init(
            path.player,
            path.distance.indices.map { t in
              let (mean, error) = (path.distance[t], path.standardError[t])
              return .init(x: Double(t), y: mean, low: mean - error, high: mean + error)
            })
        }),
      LineChart(
        title: "Still running", xLabel: "environment steps", yLabel: "share of episodes",
        series: paths.map { path in
          .init(
            path.player, path.running.enumerated().map { .init(x: Double($0), y: Double($1) / Double(path.running[0])) }
          )
        }),
      LineChart(
        title: "Before an early end", xLabel: "environment steps to the end",
        yLabel: "1 − similarity to the nearest expert latent",
        series: paths.map { path in
          .init(path.player, path.ending.enumerated().map { .init(x: Double($0 + 1 - path.ending.count), y: $1) })
        }),
    ])
  }
}
