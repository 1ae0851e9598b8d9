import Foundation
import Spaces
import Testing

@testable import Training

@Suite struct MemoryNeedTests {
  @Test func saysWhatToMakeSmaller() throws {
    try MemoryNeed.require(0x1p30, for: "a batch", smaller: "its size", of: 0x1p30)
    let refusal = ExperimentError.notEnoughMemory(what: "a batch", gibibytes: 2, available: 1, smaller: "its size")
    #expect(throws: refusal) { try MemoryNeed.require(0x1p31, for: "a batch", smaller: "its size", of: 0x1p30) }
    #expect("\(refusal)" == "a batch takes at least 2 GiB of memory, and 1 GiB can be had; make its size smaller")
  }

  /// A frame of 1024 pixels, its action and whether it is a first, six times; and once as numbers.
  @Test func countsWhatIsReadAhead() {
    #expect(
      MemoryNeed.bytes(ofBatches: 10, ObservationSpace(height: 32, width: 32)) == 10
        * (6 * Double(1024 + MemoryLayout<Action?>.stride + 1) + 4096))
  }

  #if os(Linux)
    @Test func knowsTheProcesssLimit() async {
      await #expect(processExitsWith: .success) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        limit.rlim_cur = 1 << 40
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        let machine = MemoryNeed.available
        #expect(machine > 0x1p28 && machine < 0x1p40)
        let pages = Double(try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[0])!
        limit.rlim_cur = rlim_t(pages) * 4096 + 1 << 28
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        #expect(MemoryNeed.available <= 0x1p28 && MemoryNeed.available > 0)
      }
    }
  #endif
}
