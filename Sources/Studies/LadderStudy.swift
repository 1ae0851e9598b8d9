import Demonstrations
import Environments
import Evaluation
import Foundation
import Imitation
import Runs
import Settings
import Torch
import Training
import WorldModel

/// Where does an agent lose what the expert has? Plays the expert's clones, the best that the reward can teach, and the
/// agent itself in its variants, so that what falls short can be told: the latents, the reward, the optimiser, the
/// draws of `z`, or how episodes begin.
public struct LadderStudy: Codable, Sendable {
  /// One player.
  public struct Rung: Codable, Sendable {
    public let name: String
    public let episodes: Int
    public let mean: Double
    public let se: Double?

    init(_ name: String, _ returns: [Double], seed: Seed) {
      let summary = Summary(of: returns, seed: seed)
      (self.name, episodes, mean, se) = (name, returns.count, summary.mean, summary.standardError)
    }
  }

  public let rungs: [Rung]

  /// Gradient steps of clones, and dreams that the search is learned from.
  private static let (cloningSteps, searches) = (2000, 100)

  /// - Parameters:
  ///   - runs: agents; the first one that learned in dreams is taken apart, the others are played as they are.
  ///   - leads: numbers of the expert's first steps after which that agent goes on.
  /// - Throws: as `LoadedAgent`, `Evaluation` and `AgentRun.resume`; `ExperimentError.cannotCompare` where no run
  ///   learned in dreams.
  public init(
    _ runs: [(name: String, url: URL)], environment: String, episodes: Int, leads: [Int], seed: UInt64,
    _ compute: Compute
  ) throws {
    try self.init(
      runs, environment: environment, episodes: episodes, leads: leads, seed: seed, cloningSteps: Self.cloningSteps,
      searches: Self.searches, compute)
  }

  init(
    _ runs: [(name: String, url: URL)], environment: String, episodes: Int, leads: [Int], seed: UInt64,
    cloningSteps: Int, searches: Int, _ compute: Compute
  ) throws {
    let agents = try runs.map { (name: $0.name, url: $0.url, loaded: try LoadedAgent(at: $0.url, seed: seed, compute)) }
    guard let taken = agents.first(where: { $0.loaded.facts.rewards != nil }) else {
      throw ExperimentError.cannotCompare(
        "the ladder takes an agent apart that learned in dreams, by ditto or dgail; name one")
    }
    let seeds = Seed(seed).stream("ladder")
    var rungs: [Rung] = []
    let evaluation = Evaluation(
      environment: environment, pipeline: taken.loaded.pipeline, episodes: episodes, seed: seed)
    func play(_ name: String, _ player: Player) throws {
      rungs.append(Rung(name, try evaluation.run(player, named: name).returns, seed: seeds.stream("bootstrap")))
    }

    let parts = try TakenApart(taken.url, taken.loaded, compute)
    rungs.append(Rung("expert's recordings", parts.dataset.episodes.map(\.return), seed: seeds.stream("bootstrap")))
    try play("random", .random)
    for (name, url, loaded) in agents where url != taken.url { try play(name, .agent(loaded.agent)) }
    for (name, latents) in [
      ("clone, z drawn once", try parts.latents(1).fixed),
      ("clone", try parts.latents(parts.configuration.latents.encodings)),
    ] {
      let clone = try parts.clone(of: latents, seeds.stream("clone"))
      for step in 0..<cloningSteps {
        _ = clone.update(step: step, progress: Double(step) / Double(cloningSteps))
      }
      try play(name, .agent(parts.agent(clone.actor, seed: seed)))
      guard name == "clone", parts.world.model.actions.discreteCount != nil else { continue }
      let search = try SequenceSearch(
        Imagination(parts.world.model, compute.precision), parts.configuration.imitation.reward.compared, on: latents,
        teaching: clone,
        seed: seeds.stream("search"))
      let progress = ProgressMeter("searching \(search.depth) steps ahead", total: searches)
      for step in 0..<searches {
        _ = search.update(step: step)
        progress.update(step + 1)
      }
      try play("taught by equation 8, \(search.depth) steps ahead", .agent(parts.agent(clone.actor, seed: seed)))
    }
    if taken.loaded.facts.from == nil, try TrainingLoop.checkpoints(of: taken.url, keep: 1).steps().contains(0) {
      let first = try LoadedAgent(at: taken.url, step: 0, seed: seed, compute)
      try play("the clone that \(taken.name) began as", .agent(first.agent.copy(states: .best)))
    }
    for states in StateChoice.allCases {
      try play(
        "\(taken.name), z \(states == .best ? "most probable" : "sampled")",
        .agent(taken.loaded.agent.copy(states: states)))
    }
    for lead in leads {
      let returns = try parts.returns(
        of: taken.loaded.agent.copy(states: .best), after: lead, environment: environment, episodes, seed: seed)
      guard !returns.isEmpty else {
        Observer.warn(
          "\(environment): does not go the way that was recorded when the recorded actions are taken; the expert's first steps are left out"
        )
        break
      }
      rungs.append(
        Rung("\(taken.name) after the expert's first \(lead) steps", returns, seed: seeds.stream("bootstrap")))
    }
    self.rungs = rungs
  }
}

/// What an agent's run was made of.
struct TakenApart {
  let world: LoadedWorldModel
  let dataset: Dataset
  let configuration: AgentConfiguration
  private let record: Record
  private let choice: ActionChoice
  private let pipeline: PixelPipeline
  private let precision: Precision

  init(_ run: URL, _ loaded: LoadedAgent, _ compute: Compute) throws {
    record = loaded.record
    world = try LoadedWorldModel(
      weights: run.appending(path: LoadedAgent.worldModelFile), record, record.details.worldModel!, on: compute.device)
    dataset = try record.details.openData(seeing: world.configuration.observation)[0]
    configuration = try AgentConfiguration.stored(record.layers(in: run))
    (choice, pipeline, precision) = (loaded.facts.actions, loaded.pipeline, compute.precision)
    world.model.freeze(computingIn: precision)
  }

  func latents(_ encodings: Int) throws -> ExpertLatents {
    try LatentCache(world, precision).latents(
      of: dataset, episodes: 0..<record.details.useEpisodes, encodings: encodings, on: world.model.device)
  }

  func clone(of latents: ExpertLatents, _ seed: Seed) throws -> DBC {
    try DBC(world.model, configuration.cloning, configuration.imitation.policy, expert: latents, seed: seed)
  }

  func agent(_ actor: MLP, seed: UInt64) -> Agent {
    let agent = Agent(world.model, actor, choosing: choice, precision, seed: Seed(seed))
    agent.view = dataset.view
    return agent
  }

  /// Returns of episodes that begin as recorded ones, with the recorded actions, and that the agent then goes on with;
  /// only of those that were the recorded ones up to there.
  func returns(of agent: Agent, after lead: Int, environment: String, _ episodes: Int, seed: UInt64) throws -> [Double]
  {
    let recorded = dataset.episodes.filter { $0.seed != nil && $0.length > lead }.suffix(episodes)
    guard !recorded.isEmpty else { return [] }
    let own = Array(recorded)
    let player = Player.agent(agent)
    let made = try player.environment(environment, pipeline: pipeline, slots: min(Evaluation.slots, own.count))
    defer { made.close() }
    var returns: [Double] = []
    let frameSize = dataset.view.recorded.frameSize
    try EpisodePlayer(
      environment: made, name: environment, player: player, environmentSeed: { own[$0].seed! },
      seed: Seed(seed).stream("lead"),
      opening: { Array(own[$0].actions.prefix(lead)) }, keepsFrames: { _ in true }
    ).play(own.count) { episode in
      let place = own[episode.index].index
      let isRecorded =
        try episode.frames.count >= (lead + 1) * frameSize
        && dataset.frames(episode: place, range: lead..<lead + 1)
          == dataset.view.frames(of: Array(episode.frames[lead * frameSize..<(lead + 1) * frameSize]))
      if isRecorded { returns.append(episode.total) }
    }
    return returns
  }
}

extension LadderStudy: CustomStringConvertible {
  public var description: String {
    TextTable(
      columns: ["rung", "episodes", "mean", "se"],
      rows: rungs.map { [$0.name, "\($0.episodes)", shown($0.mean), $0.se.map(shown) ?? ""] }
    ).description
  }
}
