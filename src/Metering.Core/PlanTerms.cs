namespace Metering.Core;

/// <summary>
/// What an account was promised when it came to its plan. It is kept with the account, so that a later change of the configured plan
/// does not reach old subscribers.
/// </summary>
/// <param name="Plan">The plan's id.</param>
/// <param name="Allotment">Credits granted each paid period, 0 or more.</param>
/// <param name="PeriodMonths">Months a period lasts, 1 or 12.</param>
/// <param name="Unlimited">True where calls are recorded at 0.</param>
/// <param name="Level">The access level.</param>
public sealed record PlanTerms(string Plan, Credits Allotment, int PeriodMonths, bool Unlimited, AccessLevel Level);
