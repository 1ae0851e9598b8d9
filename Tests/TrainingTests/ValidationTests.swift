import Demonstrations
import Environments
import Foundation
import Settings
import Testing
import Torch
import WorldModel

@testable import Evaluation
@testable import Imitation
@testable import Runs
@testable import Training

/// What runs say about data that they do not learn from, and what they keep of data that they do.
@Suite final class ValidationTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-validation-\(UUID().uuidString)")
  deinit { try? FileManager.default.removeItem(at: scratch) }

  private func path(_ name: String) -> URL { scratch.appending(path: name) }

  /// Episodes of the scripted driver, and a world model after a few steps on them.
  private func trained() throws {
    let pipeline = PixelPipeline(.road, size: 32)
    try Recording(environment: "road", pipeline: pipeline, episodes: 6, epsilons: [0, 0.5], seed: 1).run(
      .scripted, named: "scripted", to: path("data"))
    var configuration = WorldModelConfiguration()
    (configuration.model.depth, configuration.model.deterministic, configuration.model.hidden) = (2, 16, 16)
    (configuration.sequences.batch, configuration.sequences.length, configuration.training.steps) = (4, 12, 4)
    configuration.pipeline = pipeline
    try WorldModelRun.start(at: path("world"), data: [path("data")], configuration, seed: 0, Compute())
  }

  private func metrics(_ run: String) throws -> [String: Double] {
    let lines = try String(contentsOf: path(run).appending(path: "metrics.jsonl"), encoding: .utf8).split(
      separator: "\n")
    return try JSONDecoder().decode([String: Double].self, from: Data(try #require(lines.last).utf8))
  }

  @Test func measuresOnEpisodesHeldOut() throws {
    try trained()
    let world = try metrics("world")
    for name in ["image", "kl_nats", "open_loop_1", "copy_last_5"] {
      #expect(try #require(world["validation/\(name)"]) > 0, "\(name)")
    }

    var configuration = AgentConfiguration()
    (configuration.imitation.batch, configuration.training.steps) = (8, 2)
    configuration.imitation.warmStart.cloningSteps = 0
    try AgentRun.start(
      at: path("agent"), .worldModel(path("world")), data: path("data"), useEpisodes: 4, configuration, seed: 0,
      Compute())
    let agent = try metrics("agent")
    for name in ["reward", "expert_reward", "random_reward", "best_constant_reward"] {
      #expect((-1...1).contains(try #require(agent["validation/\(name)"])), "\(name)")
    }
    #expect((0...1).contains(try #require(agent["validation/agreement"])))

    // All episodes learned from: none is left.
    try AgentRun.start(
      at: path("all"), .worldModel(path("world")), data: path("data"), useEpisodes: nil, configuration, seed: 0,
      Compute())
    #expect(try metrics("all").keys.allSatisfy { !$0.hasPrefix("validation/") })
  }

  /// The weights that an agent takes with it are those of its world model, though it dreams with rounded ones.
  @Test func takesAllDigitsOfItsWorldModelAlong() throws {
    try trained()
    var configuration = AgentConfiguration()
    (configuration.imitation.batch, configuration.training.steps) = (8, 2)
    configuration.imitation.warmStart.cloningSteps = 0
    let compute = Compute(precision: .bf16)
    try AgentRun.start(
      at: path("agent"), .worldModel(path("world")), data: path("data"), useEpisodes: 4, configuration, seed: 0, compute
    )
    let (own, world) = (
      try Safetensors(at: path("agent").appending(path: LoadedAgent.worldModelFile)),
      try LoadedWorldModel(at: path("world"))
    )
    #expect(own.names.count == world.weights.count)
    for (name, tensor) in world.weights {
      let kept = try own.tensor(name)
      #expect(kept.type == .float32 && kept.bytes() == tensor.bytes(), "\(name)")
    }
    // One changed byte, and the agent would act otherwise: it does not act at all.
    let file = path("agent").appending(path: LoadedAgent.worldModelFile)
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 1000] ^= 1
    try bytes.write(to: file)
    let damaged = TorchError.damaged(file: file.path, reason: "it has changed since it was written")
    #expect(throws: damaged) { try LoadedAgent(at: path("agent")) }
    #expect(throws: damaged) { try AgentRun.resume(at: path("agent")) }
    // So are the sound weights of another.
    let sound = Safetensors.pieces(of: world.weights.map { ($0.name, $0.tensor * 2) }).reduce(Data(), +)
    try sound.write(to: file)
    #expect(throws: RunError.ofAnotherRun(file.path)) { try LoadedAgent(at: path("agent")) }
    #expect(throws: RunError.ofAnotherRun(file.path)) { try AgentRun.resume(at: path("agent")) }
  }

  @Test func encodesPiecesAsIfEpisodesBeganThere() throws {
    try trained()
    #expect(Restarts(interval: 8, length: 30).starts(in: 50) == [8, 16])
    #expect(
      Restarts(interval: 8, length: 30).starts(in: 38) == [8]
        && Restarts(interval: 8, length: 30).starts(in: 37).isEmpty)
    let (world, dataset) = (try LoadedWorldModel(at: path("world")), try Dataset(at: path("data")))
    let latents = try LatentCache(world).latents(
      of: dataset, episodes: 0..<1, restarts: Restarts(interval: 100, length: 30), on: .cpu)
    #expect(latents.lengths == [301, 31, 31])
    let (actions, recorded): ([Int64], [Int64]) = (
      latents.actions.values(), dataset.actions.tensor(dataset.episodes[0].actions, on: .cpu).values()
    )
    let pieces: [[Int64]] = [recorded, Array(recorded[100..<130]), Array(recorded[200..<230])]
    #expect(actions == pieces.flatMap { $0 + [-1] })
    // What is believed of a piece's first frame is believed of it with nothing remembered: of the same frame in the
    // episode's midst it is something else.
    let h: [Float] = latents.deterministic.values()
    let row = { (index: Int) in Array(h[index * 16..<(index + 1) * 16]) }
    #expect(row(301) != row(100))
  }

  @Test func keepsLatentsForWhoeverNeedsTheSame() throws {
    try trained()
    let world = try LoadedWorldModel(at: path("world"))
    let dataset = try Dataset(at: path("data"))
    let files = { try FileManager.default.contentsOfDirectory(atPath: self.path("world/latents").path).sorted() }
    let encoded = { (episodes: Range<Int>) -> [Float] in
      try LatentCache(world).latents(of: dataset, episodes: episodes, on: .cpu).deterministic.values()
    }
    let first = try encoded(0..<2)
    let kept = try files()
    #expect(kept.count == 1)
    // Read back, and not made again: what is found in the file is what comes.
    let file = path("world/latents").appending(path: kept[0])
    let stored = try ExpertLatents(from: Safetensors(at: file), classCount: world.model.sizes.classes, on: .cpu)
    let doubled = ExpertLatents(
      deterministic: stored.deterministic * 2, classes: stored.classes, actions: stored.actions,
      lengths: stored.lengths, classCount: stored.classCount)
    try AtomicFile.write(Safetensors.pieces(of: doubled.tensors), to: file)
    #expect(try encoded(0..<2) == first.map { $0 * 2 })
    // Damaged, it is made anew; other episodes are others'.
    try Data("damaged".utf8).write(to: file)
    #expect(try encoded(0..<2) == first)
    var changed = try Data(contentsOf: file)
    changed[changed.count / 2] ^= 1
    try changed.write(to: file)
    #expect(try encoded(0..<2) == first)
    #expect(try Data(contentsOf: file) != changed)
    let others = try encoded(1..<3)
    #expect(try others != first && files().count == 2)
    // What is of others stays theirs, whatever it is called.
    let name = try #require(try files().first { $0 != kept[0] })
    try FileManager.default.removeItem(at: path("world/latents").appending(path: name))
    try FileManager.default.copyItem(at: file, to: path("world/latents").appending(path: name))
    #expect(try encoded(1..<3) == others)
    // Encoded in bf16 they are others, and kept beside.
    let half: [Float] = try LatentCache(world, .bf16).latents(of: dataset, episodes: 0..<2, on: .cpu).deterministic
      .values()
    #expect(half.count == first.count && half != first)
    #expect(
      try files().contains(kept[0].replacingOccurrences(of: ".safetensors", with: "-bf16.safetensors"))
        && files().count == 3)
  }

  @Test func encodesWithoutAPlaceToKeepLatents() throws {
    try trained()
    let (world, dataset) = (try LoadedWorldModel(at: path("world")), try Dataset(at: path("data")))
    let encoded = {
      try LatentCache(world).latents(of: dataset, episodes: 0..<2, on: .cpu).tensors.map { $0.tensor.bytes() }
    }
    try Data().write(to: path("world/latents"))  // where a folder would be
    let inMemory = try encoded()
    try FileManager.default.removeItem(at: path("world/latents"))
    #expect(try encoded() == inMemory)
    #expect(try FileManager.default.contentsOfDirectory(atPath: path("world/latents").path).count == 1)
  }

  @Test func leavesNoLatentsOfFramesThatWereChangedMeanwhile() throws {
    try trained()
    let (world, dataset) = (try LoadedWorldModel(at: path("world")), try Dataset(at: path("data")))
    // Held in memory, so that they are read as they were.
    for episode in dataset.episodes { _ = try dataset.frames(episode: episode.index) }
    let data = path("data/data/main_data.hdf5")
    let file = try FileHandle(forWritingTo: data)
    try file.seekToEnd()
    try file.write(contentsOf: [0])
    #expect(throws: DemonstrationError.changedInUse(file: data.path)) {
      try LatentCache(world).latents(of: dataset, episodes: 0..<6, on: .cpu)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: path("world/latents").path).isEmpty)
  }

  @Test func leavesNoLatentsOfFramesThatCannotBeRead() throws {
    try trained()
    let (world, dataset) = (try LoadedWorldModel(at: path("world")), try Dataset(at: path("data")))
    let data = path("data/data/main_data.hdf5")
    try FileHandle(forWritingTo: data).truncate(atOffset: UInt64(Data(contentsOf: data).count / 2))
    #expect(throws: DemonstrationError.self) { try LatentCache(world).latents(of: dataset, episodes: 0..<6, on: .cpu) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: path("world/latents").path).isEmpty)
  }
}
