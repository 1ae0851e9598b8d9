import Foundation

/// What waiting for something that was computed ahead ends with when it was told to wait no longer.
public struct PrefetchStopped: Error {}

/// Elements that a prefetcher holds ready at most, unless it is told otherwise.
public let prefetchDepth = 4

/// Computes what is needed next on a thread of its own, a few elements ahead.
///
/// `next()` hands out `make(start)`, `make(start + 1)`, … in order. The thread ends with the prefetcher, after the
/// element it is at.
public final class Prefetcher<Element: Sendable>: Sendable {
  private let queue: PrefetchQueue<Element>

  /// - Parameters:
  ///   - start: the first step.
  ///   - depth: elements held ready at most, at least 1.
  ///   - make: is called on another thread, one step after the other.
  /// - Throws: `noThread`.
  public init(from start: Int, depth: Int = prefetchDepth, make: @escaping @Sendable (Int) throws -> Element) throws {
    precondition(depth >= 1, "a prefetcher holds \(depth) elements, must be at least 1")
    let queue = PrefetchQueue<Element>(depth: depth)
    self.queue = queue
    try startThread { queue.fill(from: start, make: make) }
  }

  deinit { queue.stop() }

  /// The next element, waiting for it if need be.
  /// - Parameter isStopped: is asked a few times a second whether to wait no longer.
  /// - Throws: what `make` has thrown, then and ever after; there is nothing beyond a failed step. `PrefetchStopped`,
  ///   after which the same element can be asked for.
  public func next(unless isStopped: () -> Bool = { false }) throws -> Element {
    guard let element = try queue.take(unless: isStopped) else { throw PrefetchStopped() }
    return element
  }
}

/// Runs `body` on a thread of its own, which nobody waits for. Foundation's `Thread` does not say where none can be
/// made.
/// - Throws: `DemonstrationError.noThread`.
private func startThread(_ body: @escaping @Sendable () -> Void) throws {
  final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
  #if os(Linux)
    var thread = pthread_t()
  #else
    var thread: pthread_t?
  #endif
  let work = Unmanaged.passRetained(Work(body))
  let failure = pthread_create(
    &thread, &attributes,
    { work in
      #if os(Linux)
        Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()
      #else
        Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body()
      #endif
      return nil
    }, work.toOpaque())
  guard failure == 0 else {
    work.release()
    throw DemonstrationError.noThread(reason: String(cString: strerror(failure)))
  }
}

/// What the two threads share. The thread holds on to this and not to the prefetcher, which could otherwise never go.
private final class PrefetchQueue<Element: Sendable>: @unchecked Sendable {
  private let depth: Int
  /// Guards everything below; signalled whenever some of it changes.
  private let changed = NSCondition()
  private var elements = [Element]()
  private var failure: (any Error)?
  private var isStopped = false

  init(depth: Int) { self.depth = depth }

  func fill(from start: Int, make: (Int) throws -> Element) {
    var step = start
    while waitForRoom() {
      let result = Result { try make(step) }
      changed.withLock {
        switch result {
        case .success(let element): elements.append(element)
        case .failure(let error): failure = error
        }
        changed.broadcast()
      }
      step += 1
    }
  }

  /// Whether there is another element to make.
  private func waitForRoom() -> Bool {
    changed.withLock {
      while elements.count >= depth && !isStopped { changed.wait() }
      return !isStopped && failure == nil
    }
  }

  /// Nil where `isStopped` says so before there is one.
  func take(unless isStopped: () -> Bool) throws -> Element? {
    try changed.withLock {
      while elements.isEmpty {
        if let failure { throw failure }
        if isStopped() { return nil }
        _ = changed.wait(until: Date(timeIntervalSinceNow: 0.1))
      }
      defer { changed.broadcast() }
      return elements.removeFirst()
    }
  }

  func stop() {
    changed.withLock {
      isStopped = true
      changed.broadcast()
    }
  }
}
