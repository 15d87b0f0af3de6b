namespace Metering;

/// <summary>What one unit of a product is.</summary>
public enum PriceUnit
{
    /// <summary>One request.</summary>
    Request,

    /// <summary>One record, which starts a subscription of twelve months (003).</summary>
    Record,

    /// <summary>One started block of results.</summary>
    ResultBlock,
}

/// <summary>A product: its price and what it needs.</summary>
public sealed record Product
{
    /// <summary>1 to 64 characters of <c>a-z 0-9 . _ -</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Charged once a call, 0 or more; 0 for a record, whose price is its own whatever the call that asks for it.</summary>
    public Credits Base { get; init; }

    /// <summary>Charged a unit, 0 or more.</summary>
    public Credits PerUnit { get; init; }

    /// <summary>What a unit is.</summary>
    public PriceUnit Unit { get; init; }

    /// <summary>Results in a block, 1 or more; only for <see cref="PriceUnit.ResultBlock"/>.</summary>
    public int BlockSize { get; init; } = 1;

    /// <summary>True where a call that found nothing (quantity 0) is free; false where it costs the base price.</summary>
    public bool ChargedOnSuccessOnly { get; init; } = true;

    /// <summary>A record product whose active subscription makes this one free ("company" for "company.signals"); null for none.</summary>
    public string? CoveredBy { get; init; }

    /// <summary>The lowest access level that may use it.</summary>
    public AccessLevel Level { get; init; }

    /// <summary>True where handing it out starts a record subscription.</summary>
    public bool IsRecord => Unit == PriceUnit.Record && CoveredBy is null;

    /// <summary>The price of a quantity; null where it is above <see cref="Credits.MaxAmount"/>.</summary>
    /// <param name="quantity">Requests, records or results, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The quantity is negative.</exception>
    public Credits? PriceOf(long quantity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(quantity);
        if (quantity == 0 && ChargedOnSuccessOnly)
        {
            return Credits.Zero;
        }

        var units = Unit == PriceUnit.ResultBlock ? ((Int128)quantity + BlockSize - 1) / BlockSize : quantity;
        var price = (PerUnit.TenThousandths * units) + Base.TenThousandths;
        return price <= Credits.MaxAmount.TenThousandths ? new Credits((long)price) : null;
    }
}

/// <summary>A plan that accounts are on.</summary>
public sealed record Plan
{
    /// <summary>1 to 64 characters of <c>a-z 0-9 . _ -</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The name that people read.</summary>
    public required string Name { get; init; }

    /// <summary>Granted each period, 0 or more.</summary>
    public Credits MonthlyCredits { get; init; }

    /// <summary>Months a period lasts: 1 or 12.</summary>
    public int PeriodMonths { get; init; } = 1;

    /// <summary>True where calls are recorded at 0.</summary>
    public bool Unlimited { get; init; }

    /// <summary>What it gives access to.</summary>
    public AccessLevel Level { get; init; }

    /// <summary>Requests that an API key may make in a minute, 1 or more; null for no limit.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Requests that an API key may make in a day, 1 or more; null for no limit.</summary>
    public int? RequestsPerDay { get; init; }
}

/// <summary>Products and plans, validated and fixed while the process runs.</summary>
public sealed class Catalogue
{
    /// <summary>Makes a catalogue of validated parts.</summary>
    /// <param name="products">The products; ids are distinct.</param>
    /// <param name="plans">The plans; ids are distinct.</param>
    public Catalogue(IEnumerable<Product> products, IEnumerable<Plan> plans)
    {
        Products = products.ToDictionary(product => product.Id, StringComparer.Ordinal);
        Plans = plans.ToDictionary(plan => plan.Id, StringComparer.Ordinal);
    }

    /// <summary>Products by id.</summary>
    public IReadOnlyDictionary<string, Product> Products { get; }

    /// <summary>Plans by id.</summary>
    public IReadOnlyDictionary<string, Plan> Plans { get; }

    /// <summary>
    /// The catalogue that serves where none is configured. Prices come from the documents: a lead 1 (000), a record 1 (003), signals,
    /// financials and news covered by the company (003), a search of 97 results 12 (002).
    /// </summary>
    public static Catalogue Default { get; } = new(DefaultProducts(), DefaultPlans());

    private static Product[] DefaultProducts() =>
    [
        new() { Id = "lead.query", PerUnit = Credits.Of(1), Unit = PriceUnit.Request },
        new() { Id = "lead.export", PerUnit = Credits.Of(1), Unit = PriceUnit.Record },
        new() { Id = "company", PerUnit = Credits.Of(1), Unit = PriceUnit.Record },
        new() { Id = "contact", PerUnit = Credits.Of(1), Unit = PriceUnit.Record },
        new() { Id = "company.signals", PerUnit = Credits.Of(1), Unit = PriceUnit.Request, CoveredBy = "company" },
        new() { Id = "company.financials", PerUnit = Credits.Of(1), Unit = PriceUnit.Request, CoveredBy = "company" },
        new() { Id = "company.news", PerUnit = Credits.Of(1), Unit = PriceUnit.Request, CoveredBy = "company" },
        new() { Id = "lead.search", Base = Credits.Of(2), PerUnit = Credits.Of(1), Unit = PriceUnit.ResultBlock, BlockSize = 10 },
        new() { Id = "email.enrichment", PerUnit = Credits.Of(1), Unit = PriceUnit.Request },
        new() { Id = "email.validation", PerUnit = Credits.Of(0.25m), Unit = PriceUnit.Request },
        new() { Id = "mobile", PerUnit = Credits.Of(5), Unit = PriceUnit.Request },
    ];

    private static Plan[] DefaultPlans() =>
    [
        new() { Id = "starter", Name = "Starter", MonthlyCredits = Credits.Of(100), Level = AccessLevel.Platform },
        new() { Id = "growth", Name = "Growth", MonthlyCredits = Credits.Of(1_000), Level = AccessLevel.Platform },
        new() { Id = "scale", Name = "Scale", MonthlyCredits = Credits.Of(5_000), Level = AccessLevel.Platform },
        new() { Id = "platinum", Name = "Platinum", Unlimited = true, Level = AccessLevel.Platform },
        new() { Id = "enterprise", Name = "Enterprise", Unlimited = true, Level = AccessLevel.Platform },
    ];
}
