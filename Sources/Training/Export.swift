import Foundation
import Imitation
import Runs
import Torch
import WorldModel

/// Makes a small folder of an agent's run that acts as the run does, and can be given away: its policy and its world
/// model in bf16, without what only training needs.
public enum Export {
  /// - Throws: as `LoadedAgent`; `RunError` for an output in use or that cannot be written.
  public static func run(_ source: URL, to output: URL) throws {
    try RunFolder.checkAvailable(output)
    let loaded = try LoadedAgent(at: source)
    let (checkpoint, _) = try Checkpoint.acting(
      in: source, by: AgentConfiguration.stored(loaded.record.layers(in: source)).selection)
    // What is seen is normalised as while it was learned from: statistics stay as they are.
    let statistics = Set(Normalizer(loaded.record.details.observation, on: .cpu).state.map(\.name))
    let policy = try rounded(Safetensors(at: checkpoint.url.appending(path: TrainingLoop.stateFile)), statistics) {
      name in
      statistics.contains(name) || [LoadedAgent.actorPrefix, BC.policyPrefix].contains { name.hasPrefix($0) }
    }
    let worldModel = source.appending(path: LoadedAgent.worldModelFile)
    let weights =
      FileManager.default.fileExists(atPath: worldModel.path)
      ? try rounded(Safetensors(at: worldModel), statistics) { _ in true } : nil
    var record = loaded.record
    record.details = record.details.withoutFolders(weights.map { Safetensors.checksum(of: $0) })
    record.steps = checkpoint.step
    _ = try MetricsLog.wholeLines(of: source)
    _ = try RunFolder.create(at: output, configuration: loaded.configuration, record: record)
    try MetricsLog.copy(from: source, to: output)
    try TrainingLoop.checkpoints(of: output, keep: 1).save(
      step: checkpoint.step, log: MetricsLog.checksum(of: output, upTo: checkpoint.step)
    ) { folder in
      try AtomicFile.write(Safetensors.pieces(of: policy), to: folder.appending(path: TrainingLoop.stateFile))
    }
    if let weights {
      try AtomicFile.write(Safetensors.pieces(of: weights), to: output.appending(path: LoadedAgent.worldModelFile))
    }
  }

  /// Networks in bf16, and statistics.
  private static func rounded(
    _ file: Safetensors, _ statistics: Set<String>, _ isKept: (String) -> Bool
  ) throws -> NamedTensors {
    try file.names.filter(isKept).map { name in
      let tensor = try file.tensor(name)
      let isRounded = tensor.type == .float32 && !statistics.contains(name)
      return (name: name, tensor: isRounded ? tensor.to(.bfloat16) : tensor)
    }
  }
}

extension RunMetadata {
  /// The same, whose sources are named without the folders that they were in.
  /// - Parameter weights: what the file of its world model ends with.
  func withoutFolders(_ weights: String?) -> RunMetadata {
    let named = { (source: Source) in
      Source(path: URL(fileURLWithPath: source.path).lastPathComponent, fingerprint: source.fingerprint)
    }
    return RunMetadata(
      device: device, precision: precision, threads: threads, data: data.map(named), observation, of: recorded, actions,
      useEpisodes: useEpisodes,
      worldModel: worldModel.map(named), weights: weights, usualSurprise: usualSurprise)
  }
}
