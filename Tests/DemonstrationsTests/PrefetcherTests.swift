import Foundation
import Settings
import Testing

@testable import Demonstrations

private struct Failure: Error, Equatable {
  let step: Int
}

/// Counts calls, and lets a test wait for one.
private final class Calls: @unchecked Sendable {
  private let changed = NSCondition()
  private var steps = [Int]()

  func add(_ step: Int) {
    changed.withLock {
      steps.append(step)
      changed.broadcast()
    }
  }

  func wait(for count: Int) -> [Int] {
    changed.withLock {
      while steps.count < count { changed.wait() }
      return steps
    }
  }
}

/// Closed at first.
private final class Gate: @unchecked Sendable {
  private let changed = NSCondition()
  private var isOpen = false

  func open() {
    changed.withLock {
      isOpen = true
      changed.broadcast()
    }
  }

  func wait() { changed.withLock { while !isOpen { changed.wait() } } }
}

@Suite struct PrefetcherTests {
  @Test(arguments: [1, 4]) func handsOutStepsInOrder(depth: Int) throws {
    let prefetcher = try Prefetcher(from: 7, depth: depth) { $0 * $0 }
    for step in 7..<300 { #expect(try prefetcher.next() == step * step) }
  }

  @Test func worksAheadButNoFurtherThanAllowed() throws {
    let calls = Calls()
    let prefetcher = try Prefetcher(from: 0, depth: 3) { step in
      calls.add(step)
      return step
    }
    // Time enough for one too many to be made.
    let settled = { (count: Int) in
      _ = calls.wait(for: count)
      usleep(100_000)
      return calls.wait(for: count)
    }
    #expect(settled(3) == [0, 1, 2])  // before anything was asked for
    #expect(try prefetcher.next() == 0)
    #expect(settled(4) == [0, 1, 2, 3])
  }

  @Test func rethrowsOnceWhatCameBeforeIsHandedOut() throws {
    let prefetcher = try Prefetcher(from: 0) { step in
      if step == 5 { throw Failure(step: step) }
      return step
    }
    for step in 0..<5 { #expect(try prefetcher.next() == step) }
    for _ in 0..<2 { #expect(throws: Failure(step: 5)) { try prefetcher.next() } }
  }

  @Test func canBeToldToWaitNoLonger() throws {
    let (gate, asked) = (Gate(), Calls())
    let prefetcher = try Prefetcher(from: 0) { step in
      gate.wait()
      return step
    }
    #expect(throws: PrefetchStopped.self) {
      try prefetcher.next {
        asked.add(0)
        return asked.wait(for: 1).count == 3
      }
    }
    gate.open()
    #expect(try prefetcher.next() == 0 && prefetcher.next() == 1)
  }

  #if os(Linux)
    @Test func saysThatNoThreadCanBeMade() async {
      await #expect(processExitsWith: .success) {
        // No room for another stack, for as long as it takes.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        let before = limit
        limit.rlim_cur = 1 << 20
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        let made = Result { try Prefetcher(from: 0) { $0 } }
        limit = before
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        guard case .failure(DemonstrationError.noThread(reason: "Resource temporarily unavailable")) = made else {
          exit(1)
        }
      }
    }
  #endif

  @Test func itsThreadEndsWithIt() async {
    // The thread holds `make`, and `make` holds this: when it is gone, so is the thread.
    await withCheckedContinuation { continuation in
      final class Witness: Sendable {
        let gone: @Sendable () -> Void
        init(_ gone: @escaping @Sendable () -> Void) { self.gone = gone }
        deinit { gone() }
      }
      let witness = Witness { continuation.resume() }
      #expect(throws: Never.self) {
        let prefetcher = try Prefetcher(from: 0) { [witness] step in withExtendedLifetime(witness) { step } }
        _ = try prefetcher.next()
      }
    }
  }
}

@Suite struct SplitTests {
  @Test(arguments: 0..<40) func everyEpisodeIsOnOneSide(count: Int) {
    let (training, validation) = split(episodes: count, validationShare: 0.1, seed: Seed(UInt64(count)))
    #expect((training + validation).sorted() == Array(0..<count))
    #expect(training == training.sorted() && validation == validation.sorted())
    #expect(validation.count == (count < 2 ? 0 : max(1, Int((Double(count) * 0.1).rounded()))))
  }

  @Test func dependsOnTheSeed() {
    let draw = { (seed: UInt64) in split(episodes: 100, validationShare: 0.2, seed: Seed(seed)).validation }
    #expect(draw(1) == draw(1))
    #expect(draw(1) != draw(2))
    #expect(draw(1) != Array(0..<20))
  }

  /// However a dataset comes twice, what is held out of it the first time is not trained on the second time.
  @Test(arguments: (0..<8).map(UInt64.init)) func keepsCopiesOnOneSide(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    let episodes = [
      RecordedEpisode.labelled(0, steps: 5), .labelled(3, steps: 5), .labelled(1, steps: 7), .labelled(2, steps: 9),
    ]
    let one = try folder.write(episodes)
    // The first two differ in nothing but pixels. Another dataset has one of them, and one of its own.
    let other = try folder.write([.labelled(4, steps: 4), episodes[1]], id: "test/other-v0")
    let datasets = try [one, one, other].map { try Dataset(at: $0) }
    let (training, validation) = try split(datasets, validationShare: 0.5, seed: Seed(seed))
    let shown = { (selections: [EpisodeSelection]) in
      try selections.map { selection in
        try selection.episodes.map { try selection.dataset.frames(episode: $0, range: 0..<1)[0] }
      }
    }
    let (trained, validated) = (try shown(training), try shown(validation))
    #expect(Set(trained.joined()).isDisjoint(with: validated.joined()))
    #expect(trained[0] == trained[1] && validated[0] == validated[1] && trained[0].count == 2)
    #expect(trained.joined().count + validated.joined().count == 10)
    // Alone, it is divided as it would be without looking for copies.
    let alone = try split([datasets[0]], validationShare: 0.5, seed: Seed(seed))
    #expect(
      alone.validation[0].episodes == split(episodes: 4, validationShare: 0.5, seed: Seed(seed).step(0)).validation)
    #expect(try shown(alone.training) == [trained[0]])
  }

  @Test func holdsNothingOutWhereAllIsTheSame() throws {
    let folder = try TemporaryFolder()
    let dataset = try Dataset(
      at: folder.write([.labelled(0, steps: 5), .labelled(0, steps: 5), .labelled(0, steps: 5)]))
    let (training, validation) = try split([dataset], validationShare: 0.4, seed: Seed(1))
    #expect(training[0].episodes.count + validation[0].episodes.count == 3 && !training[0].episodes.isEmpty)
    #expect(training[0].episodes.isEmpty || validation[0].episodes.isEmpty)
    #expect(try dataset.copies(in: 2..<3, of: 0..<1) == [2] && dataset.copies(in: 1..<1, of: 0..<1) == [])
  }

  @Test func neverHoldsOutAllAndNothingForZero() {
    #expect(split(episodes: 3, validationShare: 0.99, seed: Seed(1)).training.count == 1)
    #expect(split(episodes: 3, validationShare: 0, seed: Seed(1)).validation.isEmpty)
  }
}
