import Foundation
import Settings
import Spaces
import Testing

@testable import Demonstrations

@Suite struct InterruptionTests {
  @Test func signalsThatWereIgnoredStaySo() async {
    await #expect(processExitsWith: .success) {
      signal(SIGHUP, SIG_IGN)
      Interruption.watch()
      raise(SIGHUP)
      guard Interruption.exitCode == nil else { exit(1) }
      raise(SIGUSR1)
      raise(SIGUSR1)
      guard Interruption.exitCode == 128 + SIGUSR1 else { exit(1) }
    }
  }

  @Test func aSignalIsNotedAndBecomesTheExitCode() async {
    await #expect(processExitsWith: .exitCode(143)) {
      Interruption.watch()
      guard Interruption.exitCode == nil else { exit(1) }
      kill(getpid(), SIGTERM)
      while true { if let code = Interruption.exitCode { exit(code) } }
    }
  }

  /// None of them is short where data is large.
  @Test func endsEveryPassOverData() async {
    await #expect(processExitsWith: .success) {
      let pictures = try Dataset(at: fixture("channels-first-v0"))
      let folder = try TemporaryFolder()
      let writer = try DatasetWriter(
        id: "numbers-v0", in: folder.url, observation: ObservationSpace(vector: 1),
        actions: .box(low: [-.infinity], high: [.infinity]))
      try writer.append(
        RecordedEpisode(
          frames: .bytes(of: [0, 1]), actions: [.continuous([1])], rewards: [0], terminated: true, truncated: false))
      try writer.finish()
      let numbers = try Dataset(at: writer.folder)
      let last = try DatasetWriter(
        id: "last-v0", in: folder.url, observation: ObservationSpace(vector: 1), actions: .discrete(2))
      try last.append(
        RecordedEpisode(frames: .bytes(of: [0, 1]), actions: [1], rewards: [0], terminated: true, truncated: false))
      let passes: [() throws -> Void] = [
        { _ = try Dataset(at: fixture("channels-first-v0")) },
        { _ = try PixelStatistics(over: [EpisodeSelection(pictures)]) },
        { _ = try VectorStatistics(over: [EpisodeSelection(numbers)]) },
        { _ = try [numbers].learnedActions(ActionConfiguration()) },
        { _ = try [numbers].numbers(beyond: .box(low: [0], high: [2]), ActionConfiguration()) },
        { _ = try split([pictures], validationShare: 0.5, seed: Seed(0)) },
        {
          _ = try DatasetFiles(
            metadata: nil, data: [HDF5File(path: fixture("channels-first-v0").path + "/data/main_data.hdf5")]
          )
          .fingerprint { try Dataset.goOn("") }
        },
      ]
      for pass in passes { try pass() }
      Interruption.watch()
      raise(SIGTERM)
      for pass in passes {
        do {
          try pass()
          exit(1)
        } catch let stopped as Interrupted {
          guard stopped.exitCode == 143 else { exit(2) }
        }
      }
      do {
        try last.finish()
        exit(3)
      } catch let stopped as Interrupted {
        guard stopped.description.hasSuffix("nothing was written") else { exit(4) }
      }
      // What is asked before something is kept is not.
      try pictures.checkUnchanged()
    }
  }

  @Test func aSecondSignalEndsTheProcess() async {
    await #expect(processExitsWith: .signal(SIGINT)) {
      Interruption.watch()
      kill(getpid(), SIGTERM)
      while Interruption.exitCode == nil {}
      kill(getpid(), SIGINT)
      while true {}
    }
  }
}
