using Metering.Conformance;
using Metering.Engine.Tests;
using Xunit;

namespace Metering.PostgreSql.Tests;

/// <summary>The embedded meter on PostgreSQL, closed and opened again by restarts. The tests share a database: each has an account of its own.</summary>
public sealed class EmbeddedMeterOnPostgreSqlTests(EmbeddedMeterOnPostgreSqlTests.Shared shared)
    : CreditMeterConformance, IClassFixture<EmbeddedMeterOnPostgreSqlTests.Shared>
{
    protected override ValueTask<IMeterHost> StartHostAsync(ManualTimeProvider clock, Catalogue catalogue) =>
        new(new EmbeddedMeterHost(clock, catalogue, () => shared.Database.OpenLedger()));

    public sealed class Shared : IAsyncLifetime
    {
        internal Database Database { get; private set; } = null!;

        public async Task InitializeAsync() => Database = await Databases.CreateAsync();

        public async Task DisposeAsync() => await Database.DisposeAsync();
    }
}
