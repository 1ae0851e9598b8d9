import Foundation
import Testing
import Torch

@testable import Runs

@Suite struct CheckpointsTests {
  @discardableResult
  private func save(_ step: Int, sparing spared: Set<Int> = [], in checkpoints: Checkpoints) throws -> Checkpoint {
    try checkpoints.save(step: step, sparing: spared) { folder in
      try write("weights of \(step)", to: folder.appendingPathComponent("model"))
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("optimizer"), withIntermediateDirectories: true)
      try write("moments", to: folder.appendingPathComponent("optimizer/state"))
    }
  }

  @Test func keepsTheNewestAndThoseSpared() throws {
    let scratch = try ScratchFolder()
    let checkpoints = Checkpoints(in: scratch.url, keep: 2)
    for step in [100, 200, 300, 400, 500] { try save(step, sparing: step >= 200 ? [200] : [100], in: checkpoints) }
    #expect(try scratch.names == ["step-00000200", "step-00000400", "step-00000500"])
    let newest = try checkpoints.newestGood()
    #expect(newest.checkpoint?.step == 500 && newest.warnings.isEmpty)
    #expect(try text(newest.checkpoint!.url.appendingPathComponent("model")) == "weights of 500")
  }

  /// Files that end with their own checksum all have the same checksum as a whole.
  @Test func tellsIntactFilesApart() throws {
    let scratch = try ScratchFolder()
    let checkpoints = Checkpoints(in: scratch.url, keep: 3)
    let saved = try (1...3).map { step in
      try checkpoints.save(step: step) { folder in
        let weights = Safetensors.pieces(of: [("weights", Tensor([step < 3 ? Float(step) : 1], [1]))])
        try AtomicFile.write(weights, to: folder.appendingPathComponent("state.safetensors"))
      }
    }
    #expect(try saved[0].fingerprint() == saved[2].fingerprint() && saved[0].fingerprint() != saved[1].fingerprint())
    let (one, other) = (
      saved[0].url.appendingPathComponent("state.safetensors"), saved[1].url.appendingPathComponent("state.safetensors")
    )
    try Data(contentsOf: one).write(to: other)
    #expect(
      throws: RunError.damagedCheckpoint(
        saved[1].url.path, reason: "state.safetensors has changed since it was written")
    ) { try Checkpoint(at: saved[1].url, of: nil) }
  }

  @Test(arguments: [
    "truncated", "changed", "missing", "no manifest", "other step", "older, of another step", "no JSON",
  ]) func passesOverDamagedOnes(
    damage: String
  ) throws {
    let scratch = try ScratchFolder()
    let checkpoints = Checkpoints(in: scratch.url, keep: 3)
    try save(1, in: checkpoints)
    let damaged = try save(2, in: checkpoints).url
    let reason: String
    switch damage {
    case "truncated":
      try write("mom", to: damaged.appendingPathComponent("optimizer/state"))
      reason = "optimizer/state has 3 of 7 bytes"
    case "changed":
      try write("momentz", to: damaged.appendingPathComponent("optimizer/state"))
      reason = "optimizer/state has changed since it was written"
    case "missing":
      try FileManager.default.removeItem(at: damaged.appendingPathComponent("model"))
      reason = "model is missing"
    case "other step":
      let manifest = damaged.appendingPathComponent("manifest.json")
      try write(
        String(contentsOf: manifest, encoding: .utf8).replacing("\"step\" : 2", with: "\"step\" : 1"), to: manifest)
      reason = "manifest.json has changed since it was written"
    case "older, of another step":
      let older = #"{"step": 1, "files": {}}"#
      try write(older, to: damaged.appendingPathComponent("manifest.json"))
      reason = "manifest.json is of step 1"
    case "no JSON":
      try write("{", to: damaged.appendingPathComponent("manifest.json"))
      reason = "manifest.json is not understood"
    default:
      try FileManager.default.removeItem(at: damaged.appendingPathComponent("manifest.json"))
      reason = "no readable manifest.json: No such file or directory"
    }
    let newest = try checkpoints.newestGood()
    #expect(newest.checkpoint?.step == 1)
    #expect(newest.warnings == ["\(RunError.damagedCheckpoint(scratch("step-00000002").path, reason: reason))"])
    try save(2, in: checkpoints)
    #expect(try checkpoints.newestGood().checkpoint?.step == 2)
  }

  /// Not to be passed over: whoever begins anew would write in the place of another run's.
  @Test func refusesThoseOfAnotherRun() throws {
    let scratch = try ScratchFolder()
    for (theirs, ours) in [("a", "b"), ("a", nil), (nil, "b")] as [(String?, String?)] {
      try save(1, in: Checkpoints(in: scratch.url, keep: 1, of: theirs))
      #expect(try Checkpoints(in: scratch.url, keep: 1, of: theirs).newestGood().checkpoint?.step == 1)
      let refusal = RunError.ofAnotherRun(scratch("step-00000001").path)
      #expect(throws: refusal) { try Checkpoints(in: scratch.url, keep: 1, of: ours).newestGood() }
    }
  }

  @Test func removesWhatAKilledSaveLeft() throws {
    let scratch = try ScratchFolder()
    try FileManager.default.createDirectory(
      at: scratch(".step-00000007.partial/optimizer"), withIntermediateDirectories: true)
    try save(8, in: Checkpoints(in: scratch.url, keep: 1))
    #expect(try scratch.names == ["step-00000008"])
  }

  @Test func aFailedSaveLeavesNothing() throws {
    struct Failure: Error {}
    let scratch = try ScratchFolder()
    let checkpoints = Checkpoints(in: scratch.url, keep: 3)
    #expect(throws: Failure.self) {
      try checkpoints.save(step: 1) { folder in
        try write("half", to: folder.appendingPathComponent("model"))
        throw Failure()
      }
    }
    #expect(try scratch.names.isEmpty)
    #expect(try checkpoints.newestGood().checkpoint == nil)
  }
}
