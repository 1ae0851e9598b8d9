import Testing
@testable import Demonstrations
