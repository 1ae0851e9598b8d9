import Spaces

/// Which slots have an episode that can be stepped: the checks every environment makes before it acts.
struct RunningSlots {
  let count: Int
  private var running: Set<Int> = []

  init(_ count: Int) throws {
    guard count >= 1 else { throw EnvironmentError.tooFewSlots(count) }
    self.count = count
  }

  /// Throws unless every slot exists.
  func checkExist(_ slots: some Sequence<Int>) throws {
    for slot in slots.sorted() where !(0..<count).contains(slot) {
      throw EnvironmentError.unknownSlot(slot, slots: count)
    }
  }

  /// Throws unless `slot` has a running episode.
  func checkRunning(_ slot: Int) throws {
    try checkExist([slot])
    guard running.contains(slot) else { throw EnvironmentError.notRunning(slot: slot) }
  }

  /// Throws unless every action can be taken.
  func check(_ actions: [Int: Action], in space: ActionSpace) throws {
    for (slot, action) in actions.sorted(by: { $0.key < $1.key }) {
      try checkRunning(slot)
      guard space.contains(action) else {
        throw EnvironmentError.wrongAction(slot: slot, action: action, actions: space)
      }
    }
  }

  mutating func started(_ slots: some Sequence<Int>) { running.formUnion(slots) }

  mutating func stepped(_ outcomes: [Int: Outcome]) {
    running.subtract(outcomes.filter { $0.value.ended }.keys)
  }
}
