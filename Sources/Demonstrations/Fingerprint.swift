import Foundation
import Spaces

/// A 64-bit hash of content, the same in every process and on every machine. Not cryptographic.
struct Fingerprint {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ word: UInt64) {
    state = (state ^ word) &* 0x100_0000_01b3
    // A multiplication only carries upwards, so without this high bits would never reach the low ones.
    state ^= state >> 32
  }

  mutating func add(_ word: Int) { add(UInt64(bitPattern: Int64(word))) }

  mutating func add(_ action: Action) {
    for number in action.classes { add(number) }
    for number in action.numbers { add(UInt64(number.bitPattern)) }
  }

  /// All of an episode but its frames.
  /// - Parameter space: in which actions are taken as scaled; nil for actions as they are.
  mutating func add(_ episode: EpisodeInfo, scaledIn space: ActionSpace? = nil) {
    add(episode.length)
    for step in 0..<episode.length {
      add(space?.scaled(episode.actions[step]) ?? episode.actions[step])
      add(episode.rewards[step].bitPattern)
    }
    add((episode.terminated ? 1 : 0) + (episode.truncated ? 2 : 0))
  }

  mutating func add(_ bytes: Data) {
    add(bytes.count)
    bytes.withUnsafeBytes { buffer in
      for start in stride(from: 0, to: buffer.count, by: 8) {
        var word: UInt64 = 0
        withUnsafeMutableBytes(of: &word) { $0.copyBytes(from: buffer[start..<min(start + 8, buffer.count)]) }
        add(UInt64(littleEndian: word))
      }
    }
  }

  var value: UInt64 { state }

  /// 16 hexadecimal digits.
  var text: String {
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
