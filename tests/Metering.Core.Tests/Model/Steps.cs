using FsCheck;
using FsCheck.Fluent;

namespace Metering.Core.Tests.Model;

/// <summary>A random life of an account.</summary>
public sealed record Life(Opening Opening, Step[] Steps)
{
    /// <inheritdoc />
    public override string ToString() => $"{Opening}{Environment.NewLine}{string.Join(Environment.NewLine, Steps.Select(step => $"  {step}"))}";
}

/// <summary>Makes random lives, and smaller ones of one that fails.</summary>
internal static class Steps
{
    private static readonly TransactionType[] Kinds = [TransactionType.Bonus, TransactionType.Coupon, TransactionType.Purchase, TransactionType.TopUp];

    public static Arbitrary<Life> Lives(int steps) => Arb.From(
        from opening in Openings
        from count in Gen.Choose(steps / 2, steps)
        from made in Any.ArrayOf(count)
        select new Life(opening, made),
        Smaller);

    // Anchors on every day of the month, from the account's opening to five years back, so that leap days and short months come up.
    private static Gen<Opening> Openings =>
        from day in Gen.Choose(0, 365 * 5)
        from minute in Gen.Choose(0, (24 * 60) - 1)
        from anchorDay in Gen.Choose(1, 31)
        from yearsBack in Gen.Choose(-1, 5)
        from allotment in Gen.Elements(0m, 10m, 100m, 12.3456m)
        from months in Gen.Elements(1, 1, 1, 12)
        from paidDays in Gen.Elements(-1, -1, 0, 10, 45, 400)
        from unlimited in Gen.Frequency((9, Gen.Constant(false)), (1, Gen.Constant(true)))
        from grace in Gen.Elements(0, 1, 7, 30, 60)
        let now = new DateTime(2023, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddDays(day).AddMinutes(minute)
        let anchor = new DateTime(now.Year - Math.Max(yearsBack, 1), (anchorDay % 2 * 2) + 1, anchorDay, 6, 30, 0, DateTimeKind.Utc)
        select new Opening(now, yearsBack < 0 ? null : anchor, allotment, months, paidDays < 0 ? null : now.AddDays(paidDays), unlimited) { GraceDays = grace };

    private static Gen<decimal> Amounts => Gen.OneOf(
        Gen.Choose(1, 30).Select(whole => (decimal)whole),
        Gen.Choose(1, 400_000).Select(fine => fine / 10_000m),
        Gen.Constant(0.0001m));

    private static Gen<Step> Any => Gen.Frequency(
        (30, from amount in Amounts from key in Keys select (Step)new Spend(amount) { Key = key }),
        (12, from kind in Gen.Elements(Kinds)
             from amount in Amounts
             from hours in Gen.Elements(0, 0, 1, 30, 24 * 20, 24 * 50)
             from reference in Gen.Choose(0, 12)
             from key in Keys
             select (Step)new Give(kind, amount, hours, reference) { Key = key }),
        (6, from amount in Amounts from sign in Gen.Elements(1, -1) from key in Keys select (Step)new Correct(amount * sign) { Key = key }),
        (16, from back in Gen.Choose(0, 12) from all in Gen.Elements(true, false) from amount in Amounts from key in Keys
             select (Step)new PayBack(back, all ? null : amount) { Key = key }),
        (16, from companies in Gen.Choose(1, 12).SelectMany(number => Gen.Elements(number, number, -number)).NonEmptyListOf()
             from upTo in Gen.Elements(true, false)
             from limit in Gen.Elements<decimal?>(null, null, 0m, 0.5m, 3m)
             from key in Keys
             select (Step)new Fetch([.. companies.Take(8)], upTo, limit) { Key = key }),
        (6, from companies in Gen.Choose(1, 12).NonEmptyListOf()
            from hours in Gen.Choose(-1, 24 * 32)
            from key in Keys
            select (Step)new Visit([.. companies.Take(8)], hours) { Key = key }),
        (5, from companies in Gen.Choose(1, 12).NonEmptyListOf()
            from hours in Gen.OneOf(Gen.Choose(-1, 24 * 40), Gen.Choose(24 * 300, 24 * 367))
            from reference in Gen.Choose(63, 90)
            from key in Keys
            select (Step)new Bring([.. companies.Take(8)], hours, reference) { Key = key }),
        (3, from status in Gen.Elements(AccountStatus.Active, AccountStatus.Active, AccountStatus.Suspended, AccountStatus.Closed) from key in Keys
            select (Step)new Switch(status) { Key = key }),
        (3, from most in Gen.Elements(0m, 5m, 40.5m) from key in Keys select (Step)new Limit(most) { Key = key }),
        (4, from amount in Amounts from reference in Gen.Choose(30, 60) from key in Keys select (Step)new Retake(amount * 3, reference) { Key = key }),
        (5, from plan in Gen.Choose(0, 4)
            from planned in Gen.Elements(true, false)
            from prorated in Gen.Elements(true, false, false)
            from days in Gen.Elements(0, 0, 0, -3, 40)
            from reference in Gen.Elements(0, 0, 61, 62)
            from key in Keys
            select (Step)new Replan(plan, planned, prorated, days, reference) { Key = key }),
        (3, from cancelled in Gen.Elements(true, false) from key in Keys select (Step)new Cancel(cancelled) { Key = key }),
        (6, from days in Gen.Choose(-5, 80) from reference in Gen.Choose(1, 40) from key in Keys select (Step)new Pay(days, reference) { Key = key }),
        (16, Gen.OneOf(
            Gen.Choose(-90, 300).Select(minutes => TimeSpan.FromMinutes(minutes)),
            Gen.Choose(1, 40).Select(days => TimeSpan.FromDays(days)),
            Gen.Choose(1, 100_000).Select(milliseconds => TimeSpan.FromMilliseconds(milliseconds)),
            Gen.Choose(60, 420).Select(days => TimeSpan.FromDays(days))).Select(time => (Step)new Wait(time))),
        (1, Gen.Constant((Step)new WaitForLeapDay())));

    private static Gen<int> Keys => Gen.Frequency((3, Gen.Constant(0)), (1, Gen.Choose(1, 8)));

    private static IEnumerable<Life> Smaller(Life life)
    {
        for (var length = life.Steps.Length / 2; length >= 1; length /= 2)
        {
            for (var start = 0; start < life.Steps.Length; start += length)
            {
                yield return life with { Steps = [.. life.Steps.Take(start), .. life.Steps.Skip(start + length)] };
            }
        }
    }
}
