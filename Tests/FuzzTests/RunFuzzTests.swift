import Configuration
import Foundation
import Imitation
import Spaces
import Testing
import Torch

@testable import Experiments

/// Runs of strangers: weights, configurations, records, logs.
@Suite struct RunFuzzTests {
  @Test func safetensors() async {
    Fuzz.expectNothing("safetensors", await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let tensors: [(name: String, tensor: Tensor)] = [
        ("float32", Tensor((0..<60).map(Float.init), [20, 3])), ("uint8", Tensor([1, 2, 255] as [UInt8], [3])), ("int64", Tensor([.min, 5] as [Int64], [2])),
        ("bool", Tensor([true, false], [2])), ("bfloat16", Tensor([1, 2] as [Float], [2]).to(.bfloat16)), ("empty", .zeros([0, 4])), ("scalar", Tensor([1.5], [])),
      ]
      let whole = [UInt8](Safetensors.pieces(of: tensors, metadata: ["format": "1"]).reduce(Data(), +))
      let content = tensors.map { $0.tensor.bytes() }
      // With the checksum that the changed bytes should have, so that what is behind it is reached too.
      let resummed = { (bytes: [UInt8]) in
        var sum = Safetensors.Checksum()
        sum.add(Data(bytes.dropLast(4)))
        return bytes.dropLast(4) + sum.bytes
      }
      try Fuzz.run("safetensors") { mutator, index in
        let changed = index % 3 == 0 ? mutator.changedText(whole) : mutator.changed(whole)
        return index % 2 == 0 || changed.count < 4 ? changed : Array(resummed(changed))
      } _: { input, folder in
        let file = try Safetensors(at: folder.appending(path: "input"))
        var found = [[UInt8]]()
        for name in file.names {
          let (copied, mapped) = (try file.tensor(name).bytes(), try file.mapped(name).bytes())
          guard copied == mapped else { throw Finding("'\(name)' is viewed otherwise than copied") }
          found.append(copied)
        }
        let isResummed = input.count >= 4 && Array(resummed(input)) == input
        let hasChecksum = Data(input).firstRange(of: Data("crc32c".utf8)) != nil
        if hasChecksum, !isResummed, file.names == tensors.map(\.name).sorted(), Set(found) != Set(content) { throw Finding("reads other numbers than were written") }
      }
    })
  }

  @Test func configurations() async {
    Fuzz.expectNothing("configurations", await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let folder = corpus("../Sources/Experiments/Presets")
      let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).sorted { $0.path < $1.path }
      let whole = [try WorldModelConfiguration().yaml(.worldModel) + AgentConfiguration().yaml(.agent)]
      let texts = try files.map { [UInt8](try Data(contentsOf: $0)) } + whole.map { [UInt8]($0.utf8) }
      try Fuzz.run("configurations", share: 4) { mutator, index in mutator.changedText(texts[index % texts.count]) } _: { input, _ in
        let preset = Preset(name: "input", yaml: String(decoding: input, as: UTF8.self))
        let world = Result { try WorldModelConfiguration.load(.worldModel, from: [preset]) }
        let agent = Result { try AgentConfiguration.load([preset], overrides: []) }
        // What is read can be written, and is read again.
        _ = try WorldModelConfiguration.load(.worldModel, from: [Preset(name: "again", yaml: world.get().yaml(.worldModel))])
        _ = try AgentConfiguration.load([Preset(name: "again", yaml: agent.get().yaml(.agent))], overrides: [])
      }
    })
  }

  @Test func overrides() async {
    Fuzz.expectNothing("overrides", await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let texts = ["model.depth=24", "optimizer.learningRate=3e-4", "sequences.sampling=frames", "pipeline.crop=[0, 1, 2, 3]"].map { [UInt8]($0.utf8) }
      try Fuzz.run("overrides") { mutator, index in mutator.changedText(texts[index % texts.count]) } _: { input, _ in
        _ = try WorldModelConfiguration.load(.worldModel, from: [], overrides: [String(decoding: input, as: UTF8.self)])
      }
    })
  }

  @Test func records() async {
    Fuzz.expectNothing("records", await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let runs = [RunKind.worldModel, .agent].map { (kind: $0, folder: corpus("ExperimentsTests/Fixtures/runs/\($0.rawValue)")) }
      let texts = try runs.map { [UInt8](try Data(contentsOf: $0.folder.appending(path: "run.json"))) }
      try Fuzz.run("records") { mutator, index in mutator.changedText(texts[index % 2]) } _: { input, folder in
        try Data(input).write(to: folder.appending(path: "run.json"))
        let records = runs.map { run in Result { try Record(from: folder, kind: run.kind) } }
        guard let record = records.compactMap({ try? $0.get() }).first else { throw records.compactMap { $0.failure }.first! }
        guard record.details.observation.isSupported, record.details.actions.isSupported else { throw Finding("accepts what there are no networks for") }
      }
    })
  }

  /// The agent of a run of which one file was changed is loaded and acts, or is refused.
  @Test func agents() async {
    Fuzz.expectNothing("agents", await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      let source = corpus("ExperimentsTests/Fixtures/runs/agent")
      let step = try #require(try FileManager.default.contentsOfDirectory(atPath: source.appending(path: "checkpoints").path).first)
      let names = ["run.json", "configuration.yaml", "metrics.jsonl", "world-model.safetensors", "checkpoints/\(step)/manifest.json", "checkpoints/\(step)/state.safetensors"]
      let files = try names.map { [UInt8](try Data(contentsOf: source.appending(path: $0))) }
      try Fuzz.run("agents", share: 10) { mutator, index in
        let file = index % names.count
        return [UInt8(file)] + (file < 3 || file == 4 ? mutator.changedText(files[file]) : mutator.changed(files[file]))
      } _: { input, folder in
        let run = folder.appending(path: "run")
        try? FileManager.default.removeItem(at: run)
        try FileManager.default.copyItem(at: source, to: run)
        let name = names[Int(input[0])]
        try Data(input.dropFirst()).write(to: run.appending(path: name))
        let agent = try LoadedAgent(at: run).agent
        guard !name.hasSuffix(".safetensors") || Array(input.dropFirst()) == files[Int(input[0])] else { throw Finding("\(name): acts with other weights") }
        withExtendedLifetime(agent) {}
      }
    })
  }
}

extension Result {
  fileprivate var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}
