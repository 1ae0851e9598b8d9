import Foundation

/// Decompressed blocks of frames, those used last, up to a number of bytes.
final class FrameCache: @unchecked Sendable {
  struct Key: Hashable {
    let episode: Int
    let block: Int
  }

  private struct Entry {
    let bytes: [UInt8]
    var lastUse: Int
  }

  /// Bytes held at most, unless a single block is larger.
  let capacity: Int
  private let lock = NSLock()
  private var entries = [Key: Entry]()
  private var uses = 0
  private var heldBytes = 0

  init(capacity: Int) { self.capacity = capacity }

  /// Bytes held now.
  var size: Int { lock.withLock { heldBytes } }

  /// The block called `key`, which `read` makes where it is not held.
  func block(_ key: Key, read: () throws -> [UInt8]) rethrows -> [UInt8] {
    if let held = lock.withLock({ use(key) }) { return held }
    let bytes = try read()
    lock.withLock { insert(bytes, key) }
    return bytes
  }

  private func use(_ key: Key) -> [UInt8]? {
    uses += 1
    entries[key]?.lastUse = uses
    return entries[key]?.bytes
  }

  private func insert(_ bytes: [UInt8], _ key: Key) {
    remove(key)
    while heldBytes + bytes.count > capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) { remove(oldest.key) }
    entries[key] = Entry(bytes: bytes, lastUse: uses)
    heldBytes += bytes.count
  }

  private func remove(_ key: Key) { heldBytes -= entries.removeValue(forKey: key)?.bytes.count ?? 0 }
}
