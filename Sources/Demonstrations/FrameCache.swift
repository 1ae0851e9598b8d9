import Foundation

/// Decompressed blocks of frames of any number of datasets, those used last, up to a number of bytes.
final class FrameCache: @unchecked Sendable {
  struct Key: Hashable {
    let dataset: ObjectIdentifier
    let episode: Int
    let block: Int
  }

  /// A block in the order of use, from the one used last to the one not used for longest; the dictionary owns them all.
  private final class Entry {
    let key: Key
    let bytes: [UInt8]
    unowned(unsafe) var newer: Entry?
    unowned(unsafe) var older: Entry?

    init(_ key: Key, _ bytes: [UInt8]) { (self.key, self.bytes) = (key, bytes) }
  }

  /// Of all datasets of this process, 512 MiB.
  static let shared = FrameCache(capacity: 512 << 20)

  /// Bytes held at most, unless a single block is larger.
  let capacity: Int
  private let lock = NSLock()
  private var entries = [Key: Entry]()
  private var newest, oldest: Entry?
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

  /// Drops all blocks of a dataset, whose identifier another may then have.
  func forget(_ dataset: ObjectIdentifier) {
    lock.withLock { for entry in entries.values where entry.key.dataset == dataset { remove(entry) } }
  }

  private func use(_ key: Key) -> [UInt8]? {
    guard let entry = entries[key] else { return nil }
    unlink(entry)
    link(entry)
    return entry.bytes
  }

  private func insert(_ bytes: [UInt8], _ key: Key) {
    if let same = entries[key] { remove(same) }
    while heldBytes + bytes.count > capacity, let last = oldest { remove(last) }
    let entry = Entry(key, bytes)
    entries[key] = entry
    heldBytes += bytes.count
    link(entry)
  }

  private func remove(_ entry: Entry) {
    unlink(entry)
    heldBytes -= entry.bytes.count
    entries[entry.key] = nil
  }

  private func link(_ entry: Entry) {
    (entry.newer, entry.older) = (nil, newest)
    newest?.newer = entry
    newest = entry
    oldest = oldest ?? entry
  }

  private func unlink(_ entry: Entry) {
    if let newer = entry.newer { newer.older = entry.older } else { newest = entry.older }
    if let older = entry.older { older.newer = entry.newer } else { oldest = entry.newer }
  }
}
