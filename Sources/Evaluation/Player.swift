import Demonstrations
import Environments
import Foundation
import Imitation
import Runs
import Settings
import Spaces
import Training

/// Whoever chooses the actions in an environment.
public enum Player {
  /// The environment's own expert.
  case scripted
  /// Uniformly random actions.
  case random
  case agent(Agent)

  var surprises: SurpriseCounts? { if case .agent(let agent) = self { agent.surprises } else { nil } }

  var isRandom: Bool { if case .random = self { true } else { false } }
}

/// One played episode.
public struct PlayedEpisode: Sendable {
  public let index: Int
  /// What the environment's and the player's randomness started from.
  public let seed: UInt64
  /// What its frames are.
  public let observation: ObservationSpace
  /// T + 1 frames, one after the other; empty where frames are not kept.
  public var frames: [UInt8] = []
  /// T actions, each taken at the frame of the same index.
  public var actions: [Action] = []
  public var rewards: [Double] = []
  public var terminated = false
  /// How it went at the end: equal where a player met the same game again, even if it began some steps earlier or
  /// later.
  var ending = EpisodeEnding()

  /// The undiscounted sum of rewards.
  public var total: Double { rewards.reduce(0, +) }
}

/// Plays episodes, several at a time, and hands them over in order.
public struct EpisodePlayer {
  let environment: any Environment
  /// The environment's name, for messages.
  let name: String
  let player: Player
  /// The seed of an episode's environment, by its index.
  let environmentSeed: (Int) -> UInt64
  /// The seed of the actions.
  let seed: Seed
  /// The probability of a uniformly random action instead of the player's, by the episode's index.
  var epsilon: (Int) -> Double
  /// The actions that an episode begins with, before the player's first, by its index.
  var opening: (Int) -> [Action]
  /// Steps after which an episode is cut that has no end of its own, where none are set.
  var longest: Int
  /// Which episodes' frames are kept.
  var keepsFrames: (Int) -> Bool

  /// Seconds of waiting that are worth a word.
  var slow = 10.0

  package init(
    environment: any Environment, name: String, player: Player, environmentSeed: @escaping (Int) -> UInt64, seed: Seed,
    epsilon: @escaping (Int) -> Double = { _ in 0 }, opening: @escaping (Int) -> [Action] = { _ in [] },
    longest: Int = 100_000,
    keepsFrames: @escaping (Int) -> Bool = { _ in false }
  ) {
    (self.environment, self.name, self.player, self.environmentSeed, self.seed) = (
      environment, name, player, environmentSeed, seed
    )
    (self.epsilon, self.opening, self.longest, self.keepsFrames) = (epsilon, opening, longest, keepsFrames)
  }

  /// - Parameters:
  ///   - stopped: what is said after a signal, where they are watched.
  ///   - onEpisode: called with each episode in the order of their indices.
  /// - Throws: what the environment throws; `ExperimentError.noScriptedPlayer`, `.notFinite`; `Interrupted`.
  public func play(
    _ count: Int, stopped: String = "stopped while episodes were played", onEpisode: (PlayedEpisode) throws -> Void
  ) throws {
    do { try playAll(count, stopped, onEpisode) } catch EnvironmentError.stopped { try Interruption.check(stopped) }
  }

  private func playAll(_ count: Int, _ stopped: String, _ onEpisode: (PlayedEpisode) throws -> Void) throws {
    var running: [Int: PlayedEpisode] = [:]  // by slot
    var frames: [Int: [UInt8]] = [:]
    var generators: [Int: SeededGenerator] = [:]
    var openings: [Int: [Action]] = [:]
    var finished: [Int: PlayedEpisode] = [:]  // by index, waiting for earlier ones
    var (next, delivered) = (0, 0)

    var (beyond, asked) = (0, 0)
    var isUnhurried = true
    /// Says once that the environment keeps everybody waiting.
    func timed<T>(_ what: String, _ body: () throws -> T) rethrows -> T {
      let start = Uptime.seconds
      defer {
        let seconds = Uptime.seconds - start
        if seconds > slow, isUnhurried {
          isUnhurried = false
          Observer.warn(
            "\(name): \(what) of \(running.count) instances, one after the other, took \(Int(seconds)) s; --instances makes fewer of it"
          )
        }
      }
      return try body()
    }

    func start(in slots: [Int]) throws {
      var seeds: [Int: UInt64] = [:]
      for slot in slots where next < count {
        running[slot] = PlayedEpisode(index: next, seed: environmentSeed(next), observation: environment.observation)
        seeds[slot] = environmentSeed(next)
        generators[slot] = seed.stream("actions").step(next).generator
        openings[slot] = opening(next)
        if case .agent(let agent) = player { agent.reset(slot: slot, episode: next) }
        next += 1
      }
      guard !seeds.isEmpty else { return }
      for (slot, frame) in try timed("a reset", { try environment.reset(seeds) }) {
        try check(frame, episode: running[slot]!.index, step: 0)
        frames[slot] = frame
        if keepsFrames(running[slot]!.index) { running[slot]!.frames = frame }
      }
    }

    try start(in: Array(0..<environment.slots))
    while !running.isEmpty {
      try Interruption.check(stopped)
      var actions = try chosen(for: frames)
      for slot in running.keys {
        let (e, step) = (epsilon(running[slot]!.index), running[slot]!.actions.count)
        let isRandom = (e > 0 && Double.random(in: 0..<1, using: &generators[slot]!) < e) || player.isRandom
        let isOpening = step < openings[slot]!.count
        guard isOpening || isRandom else { continue }
        let action = isOpening ? openings[slot]![step] : environment.actions.random(using: &generators[slot]!)
        actions[slot] = action
        if case .agent(let agent) = player { agent.took(action, slot: slot) }
      }
      for (slot, action) in actions {
        let taken = environment.nearest(to: action)
        guard taken != action else { continue }
        if environment.actions.clipped(action) != action { beyond += 1 }
        actions[slot] = taken
        if case .agent(let agent) = player { agent.took(taken, slot: slot) }
      }
      asked += actions.count
      var free: [Int] = []
      for (slot, outcome) in try timed("a step", { try environment.step(actions) }) {
        let step = running[slot]!.actions.count
        // Beyond any score, sums would overflow.
        guard abs(outcome.reward) < 1e100 else {
          throw ExperimentError.notFinite(
            environment: name, episode: running[slot]!.index, step: step, what: "the reward")
        }
        try check(outcome.frame, episode: running[slot]!.index, step: step + 1)
        running[slot]!.actions.append(actions[slot]!)
        running[slot]!.rewards.append(outcome.reward)
        if keepsFrames(running[slot]!.index) { running[slot]!.frames += outcome.frame }
        running[slot]!.ending.append(actions[slot]!, outcome)
        frames[slot] = outcome.frame
        let isCut = !outcome.ended && step + 1 >= longest
        if isCut {
          Observer.warn(
            "\(name): episode \(running[slot]!.index) was cut after \(longest) steps, as it has no end; pipeline.maxEpisodeSteps, or --max-steps, sets how many"
          )
        }
        guard outcome.ended || isCut else { continue }
        running[slot]!.terminated = outcome.terminated
        finished[running[slot]!.index] = running.removeValue(forKey: slot)
        frames[slot] = nil
        free.append(slot)
      }
      while let episode = finished.removeValue(forKey: delivered) {
        try onEpisode(episode)
        delivered += 1
      }
      try start(in: free.sorted())
    }
    if beyond > 0 {
      let share = (Double(beyond) / Double(asked)).formatted(.percent.precision(.fractionLength(1)))
      Observer.warn(
        "\(name): in \(share) of the steps a number of the action was beyond the environment's bounds, and the bound was taken"
      )
    }
  }

  private func check(_ frame: [UInt8], episode: Int, step: Int) throws {
    guard let wrong = environment.observation.firstWrong(in: frame) else { return }
    let field = environment.observation.fields[wrong.field]
    switch field.kind {
    case .classes:
      throw EnvironmentError.refused(
        environment: name,
        reason: "episode \(episode), step \(step): '\(field.name)' shows a class that its space does not have")
    case .image, .vector:
      throw ExperimentError.notFinite(
        environment: name, episode: episode, step: step, what: "a number of the observed vector")
    }
  }

  private func chosen(for frames: [Int: [UInt8]]) throws -> [Int: Action] {
    switch player {
    case .random: return frames.mapValues { _ in 0 }
    case .agent(let agent): return try agent.act(on: frames)
    case .scripted:
      guard let expert = environment as? any ScriptedExpert else { throw ExperimentError.noScriptedPlayer(name) }
      return try Dictionary(uniqueKeysWithValues: frames.keys.map { ($0, try expert.expertAction(in: $0)) })
    }
  }
}

extension Player {
  /// Makes the environment that it plays in, which no signal is kept waiting by.
  /// - Throws: `EnvironmentError`; `Interrupted`; `ExperimentError.otherEnvironment` where an agent was trained on
  ///   other pixels or actions.
  package func environment(_ name: String, pipeline: PixelPipeline, slots: Int, _ hosting: Hosting = Hosting()) throws
    -> any Environment
  {
    do {
      return try made(name, pipeline, min(slots, hosting.instances ?? slots), hosting.patience)
    } catch EnvironmentError.stopped {
      throw Interrupted(exitCode: Interruption.exitCode ?? 1, description: "\(name): stopped before it was ready")
    }
  }

  private func made(_ name: String, _ pipeline: PixelPipeline, _ slots: Int, _ patience: Duration) throws
    -> any Environment
  {
    let make = {
      let made = try makeEnvironment(
        name, pipeline: pipeline, slots: slots, patience: patience, unless: { Interruption.isRequested })
      if let texts = (made as? GymnasiumEnvironment)?.leftOut, !texts.isEmpty {
        Observer.warn("\(name): \(texts.joined(separator: ", ")) is text, which is left out of what is seen")
      }
      return made
    }
    guard case .agent(let agent) = self else { return try make() }
    let trainedOn = "\(agent.observation) by the pipeline '\(pipeline.kind.rawValue)', and \(agent.actions)"
    do {
      let made = try make()
      guard made.observation.fits(agent.observation), made.actions.fits(agent.actions) else {
        made.close()
        throw ExperimentError.otherEnvironment(
          name, found: "\(made.observation), and \(made.actions)", trainedOn: trainedOn)
      }
      return made
    } catch EnvironmentError.wrongPipeline, EnvironmentError.unsupportedSize {
      throw ExperimentError.otherEnvironment(name, trainedOn: trainedOn)
    }
  }
}
