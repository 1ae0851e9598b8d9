import Foundation
import Imitation
import Settings
import Spaces
import Torch

@testable import Evaluation
@testable import Runs
@testable import Training

/// Runs of strangers: weights, configurations, records, logs; and what is sent to an agent.
extension FuzzedReader {
  static func safetensors() throws -> FuzzedReader {
    let tensors: [(name: String, tensor: Tensor)] = [
      ("float32", Tensor((0..<60).map(Float.init), [20, 3])), ("uint8", Tensor([1, 2, 255] as [UInt8], [3])),
      ("int64", Tensor([.min, 5] as [Int64], [2])),
      ("bool", Tensor([true, false], [2])), ("bfloat16", Tensor([1, 2] as [Float], [2]).to(.bfloat16)),
      ("empty", .zeros([0, 4])), ("scalar", Tensor([1.5], [])),
    ]
    let content = tensors.map { $0.tensor.bytes() }
    return FuzzedReader(
      seeds: [[UInt8](Safetensors.pieces(of: tensors, metadata: ["format": "1"]).reduce(Data(), +))],
      change: { input, mutator in
        let changed = mutator.number(0..<3) == 0 ? mutator.changedText(input) : mutator.changed(input)
        return mutator.number(0..<2) == 0 ? changed : resummed(changed)
      }
    ) { input, folder in
      let place = folder.appending(path: "tensors.safetensors")
      try Data(input).write(to: place)
      let file = try Safetensors(at: place)
      var found = [[UInt8]]()
      for name in file.names {
        let (copied, mapped) = (try file.tensor(name).bytes(), try file.mapped(name).bytes())
        guard copied == mapped else { throw Finding("'\(name)' is viewed otherwise than copied") }
        found.append(copied)
      }
      let hasChecksum = Data(input).firstRange(of: Data("crc32c".utf8)) != nil
      if hasChecksum, resummed(input) != input, file.names == tensors.map(\.name).sorted(), Set(found) != Set(content) {
        throw Finding("reads other numbers than were written")
      }
    }
  }

  /// With the checksum that bytes should have, so that what is behind it is reached too.
  private static func resummed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 4 else { return bytes }
    var sum = Safetensors.Checksum()
    sum.add(Data(bytes.dropLast(4)))
    return Array(bytes.dropLast(4)) + sum.bytes
  }

  static func configurations() throws -> FuzzedReader {
    let presets = try FileManager.default.contentsOfDirectory(
      at: fixture("../Sources/Training/Presets"), includingPropertiesForKeys: nil)
    let whole = try WorldModelConfiguration().yaml(.worldModel) + AgentConfiguration().yaml(.agent)
    return FuzzedReader(
      seeds: try presets.sorted { $0.path < $1.path }.map(bytes) + [[UInt8](whole.utf8)], change: { $1.changedText($0) }
    ) { input, _ in
      let preset = Preset(name: "input", yaml: String(decoding: input, as: UTF8.self))
      let world = Result { try WorldModelConfiguration.load(.worldModel, from: [preset]) }
      let agent = Result { try AgentConfiguration.load([preset], overrides: []) }
      // What is read can be written, and is read again.
      _ = try WorldModelConfiguration.load(
        .worldModel, from: [Preset(name: "again", yaml: world.get().yaml(.worldModel))])
      _ = try AgentConfiguration.load([Preset(name: "again", yaml: agent.get().yaml(.agent))], overrides: [])
    }
  }

  static func overrides() throws -> FuzzedReader {
    let texts = [
      "model.depth=24", "optimizer.learningRate=3e-4", "sequences.sampling=frames", "pipeline.crop=[0, 1, 2, 3]",
    ]
    return FuzzedReader(seeds: texts.map { [UInt8]($0.utf8) }, change: { $1.changedText($0) }) { input, _ in
      _ = try WorldModelConfiguration.load(.worldModel, from: [], overrides: [String(decoding: input, as: UTF8.self)])
    }
  }

  static func records() throws -> FuzzedReader {
    let runs = [RunKind.worldModel, .agent].map {
      (kind: $0, folder: fixture("TrainingTests/Fixtures/runs/\($0.rawValue)"))
    }
    return FuzzedReader(
      seeds: try runs.map { try bytes(of: $0.folder.appending(path: "run.json")) }, change: { $1.changedText($0) }
    ) { input, folder in
      try Data(input).write(to: folder.appending(path: "run.json"))
      let records = runs.map { run in Result { try Record(from: folder, kind: run.kind) } }
      guard let record = records.compactMap({ try? $0.get() }).first else { return _ = try records[0].get() }
      guard record.details.observation.isSupported, record.details.actions.isSupported else {
        throw Finding("accepts what there are no networks for")
      }
    }
  }

  /// The agent of a run of which one file was changed is loaded, or is refused; where the file carries a checksum, what
  /// is loaded is what it was.
  static func agents(_ name: String) throws -> FuzzedReader {
    let source = fixture("TrainingTests/Fixtures/runs/\(name)")
    let whole = try LoadedAgent(at: source)
    let step = "step-0000000\(whole.facts.step)"
    let names = [
      "run.json", "configuration.yaml", "metrics.jsonl", "world-model.safetensors", "checkpoints/\(step)/manifest.json",
      "checkpoints/\(step)/state.safetensors",
    ]
    let files = try names.map { try bytes(of: source.appending(path: $0)) }
    return FuzzedReader(
      seeds: ChangedFile.seeds(files),
      change: ChangedFile.change(
        { names[$0].hasSuffix(".safetensors") ? $2.changed($1) : $2.changedText($1) }, of: files.count)
    ) { input, folder in
      let run = folder.appending(path: "run")
      if !FileManager.default.fileExists(atPath: run.path) { try FileManager.default.copyItem(at: source, to: run) }
      let file = ChangedFile(input, of: files.count)
      let place = run.appending(path: names[file.index])
      defer { try? Data(files[file.index]).write(to: place) }
      try Data(file.content).write(to: place)
      let loaded = try LoadedAgent(at: run)
      let isSummed =
        Data(file.content).firstRange(of: Data(#""checksum""#.utf8)) != nil
        || names[file.index] == MetricsLog.name && whole.record.identity != nil
      guard !isSummed || loaded.facts == whole.facts else { throw Finding("\(names[file.index]): is another agent") }
      guard !names[file.index].hasSuffix(".safetensors") || file.content == files[file.index] else {
        throw Finding("\(names[file.index]): acts with other weights")
      }
      withExtendedLifetime(loaded) {}
    }
  }

  /// Messages to `ditto act`, for an agent that sees frames of 12 bytes.
  static func frames() throws -> FuzzedReader {
    let frame = Array(UInt8(1)...12)
    let (old, new) = ([UInt8(ascii: "f")] + frame, [UInt8(ascii: "F"), 12, 0, 0, 0] + frame)
    let streams = [old + old, [UInt8(ascii: "r")] + old + new, new + [UInt8(ascii: "R"), 0, 0, 0, 0] + new]
    return FuzzedReader(seeds: streams, change: { $1.changed($0) }) { input, folder in
      let place = folder.appending(path: "messages")
      try Data(input).write(to: place)
      let file = try FileHandle(forReadingFrom: place)
      var stream = FrameStream(file.fileDescriptor, frameSize: frame.count)
      var taken = 0
      while let message = try stream.next() {
        switch message {
        case .frame(let frame) where frame.count != 12: throw Finding("takes a frame of \(frame.count) bytes")
        case .frame(let frame): taken += 1 + frame.count
        case .reset: taken += 1
        }
      }
      guard taken <= input.count else { throw Finding("takes more than was sent") }
    }
  }
}
