import Foundation

/// Computes what is needed next on a thread of its own, a few elements ahead.
///
/// `next()` hands out `make(start)`, `make(start + 1)`, … in order. The thread ends with the prefetcher, after the element it is at.
public final class Prefetcher<Element: Sendable>: Sendable {
  private let queue: PrefetchQueue<Element>

  /// - Parameters:
  ///   - start: the first step.
  ///   - depth: elements held ready at most, at least 1.
  ///   - make: is called on another thread, one step after the other.
  public init(from start: Int, depth: Int = 4, make: @escaping @Sendable (Int) throws -> Element) {
    precondition(depth >= 1, "a prefetcher holds \(depth) elements, must be at least 1")
    let queue = PrefetchQueue<Element>(depth: depth)
    self.queue = queue
    let thread = Thread { queue.fill(from: start, make: make) }
    thread.name = "prefetch"
    thread.start()
  }

  deinit { queue.stop() }

  /// The next element, waiting for it if need be.
  /// - Throws: what `make` has thrown, then and ever after; there is nothing beyond a failed step.
  public func next() throws -> Element { try queue.take() }
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

  func take() throws -> Element {
    try changed.withLock {
      while elements.isEmpty {
        if let failure { throw failure }
        changed.wait()
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
