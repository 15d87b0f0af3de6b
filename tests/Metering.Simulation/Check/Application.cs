namespace Metering.Simulation;

/// <summary>One time that an operation took effect in the ledger.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="First">The first line of the operation itself.</param>
/// <param name="Last">Its last line.</param>
/// <param name="DecisionEnd">The last line of the decision, with what fell due by it.</param>
/// <param name="At">The account's time.</param>
/// <param name="TimeBefore">The account's time before it.</param>
/// <param name="Answer">What the contract answers; "any" where the answer is the balance afterwards.</param>
internal sealed record Application(Operation Operation, long First, long Last, long DecisionEnd, DateTimeOffset At, DateTimeOffset TimeBefore, string Answer);
