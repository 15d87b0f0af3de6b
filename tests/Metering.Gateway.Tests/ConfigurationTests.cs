using Metering.Engine;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>The section <c>Metering</c>: what it sets, and what it refuses, in words.</summary>
public sealed class ConfigurationTests
{
    [Fact]
    public void Without_settings_the_default_catalogue_serves()
    {
        var options = Read();
        Assert.Equal(Catalogue.Default.Products.Values.OrderBy(product => product.Id), options.Catalogue.Products.Values.OrderBy(product => product.Id));
        Assert.Equal(Catalogue.Default.Plans.Values.OrderBy(plan => plan.Id), options.Catalogue.Plans.Values.OrderBy(plan => plan.Id));
    }

    [Fact]
    public void A_known_id_changes_only_what_it_names_and_a_new_one_is_added()
    {
        var catalogue = Read(
            ("Products:lead.search:Base", "3.5"),
            ("Products:phone.lookup:PerUnit", "0.0001"),
            ("Products:phone.lookup:Level", "api_only"),
            ("Products:phone.lookup:ChargedOnSuccessOnly", "false"),
            ("Products:contact.history:CoveredBy", "contact"),
            ("Plans:starter:MonthlyCredits", "200"),
            ("Plans:yearly:PeriodMonths", "12"),
            ("Plans:yearly:Name", "Yearly")).Catalogue;
        Assert.Equal(Catalogue.Default.Products["lead.search"] with { Base = Credits.Of(3.5m) }, catalogue.Products["lead.search"]);
        Assert.Equal(
            new Product { Id = "phone.lookup", PerUnit = new(1), Level = AccessLevel.ApiOnly, ChargedOnSuccessOnly = false },
            catalogue.Products["phone.lookup"]);
        Assert.Equal("contact", catalogue.Products["contact.history"].CoveredBy);
        Assert.Equal(Catalogue.Default.Plans["starter"] with { MonthlyCredits = Credits.Of(200) }, catalogue.Plans["starter"]);
        Assert.Equal((12, "Yearly"), (catalogue.Plans["yearly"].PeriodMonths, catalogue.Plans["yearly"].Name));
    }

    [Fact]
    public void Limits_a_key_are_a_plans_own_and_none_by_default()
    {
        Assert.All(Read().Catalogue.Plans.Values, plan => Assert.Equal((null, null), (plan.RequestsPerMinute, plan.RequestsPerDay)));
        var catalogue = Read(("Plans:starter:RequestsPerMinute", "60"), ("Plans:scale:RequestsPerDay", "1000"), ("Plans:growth:RequestsPerDay", "0")).Catalogue;
        Assert.Equal((60, null), (catalogue.Plans["starter"].RequestsPerMinute, catalogue.Plans["starter"].RequestsPerDay));
        Assert.Equal((null, 1000), (catalogue.Plans["scale"].RequestsPerMinute, catalogue.Plans["scale"].RequestsPerDay));
        Assert.Null(catalogue.Plans["growth"].RequestsPerDay);
    }

    [Theory]
    [InlineData("soft", "Metering:RateLimits:Mode (Metering__RateLimits__Mode in the environment) is \"soft\"; enforce or report is allowed.")]
    [InlineData("Enforce", "enforce or report")]
    public async Task A_wrong_mode_of_the_limits_is_named(string mode, string says)
    {
        var error = await Assert.ThrowsAsync<MeteringStartupException>(() =>
            GatewayHost.StartAsync(settings: new Dictionary<string, string?> { ["Metering:RateLimits:Mode"] = mode }));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Limits_reach_the_meter()
    {
        var options = Read(
            ("QueueCapacity", "10"), ("MaxBatch", "5"), ("MemoryBudgetBytes", "2000000"), ("SnapshotInterval", "100"), ("GraceDays", "14"),
            ("Due:Enabled", "false"), ("Due:WindowSeconds", "60"), ("Due:MaxPerSecond", "7"), ("Due:IntervalSeconds", "30"));
        Assert.Equal(
            (false, TimeSpan.FromMinutes(1), 7, TimeSpan.FromSeconds(30)), (options.Due.IsEnabled, options.Due.Window, options.Due.MaxPerSecond, options.Due.Interval));
        Assert.Equal((10, 5, 2_000_000L, 100, 14), (options.QueueCapacity, options.MaxBatch, options.MemoryBudgetBytes, options.SnapshotInterval, options.GraceDays));
        Assert.Equal(7, Read().GraceDays);
    }

    [Theory]
    [InlineData("Products:lead.search:Base", "-1", "a plain decimal from 0")]
    [InlineData("Products:lead.search:Base", "1.23456", "at most 4 decimals")]
    [InlineData("Products:lead.search:PerUnit", "free", "a plain decimal")]
    [InlineData("Products:lead.search:PerUnit", "", "a plain decimal")]
    [InlineData("Products:lead.search:Unit", "block", "request or record or result_block")]
    [InlineData("Products:lead.search:BlockSize", "0", "from 1")]
    [InlineData("Products:company:BlockSize", "10", "result_block")]
    [InlineData("Products:lead.search:ChargedOnSuccessOnly", "yes", "true or false")]
    [InlineData("Products:lead.search:CoveredBy", "mobile", "company")]
    [InlineData("Products:lead.search:Level", "gold", "trial or web_visitors or api_only or platform")]
    [InlineData("Plans:starter:MonthlyCredits", "1e3", "a plain decimal")]
    [InlineData("Plans:starter:PeriodMonths", "3", "1 or 12")]
    [InlineData("Plans:starter:Unlimited", "1", "true or false")]
    [InlineData("Plans:starter:Name", "", "a text")]
    [InlineData("Plans:starter:RequestsPerMinute", "-1", "0 to 1000000000")]
    [InlineData("Plans:starter:RequestsPerDay", "many", "0 to 1000000000")]
    [InlineData("QueueCapacity", "0", "1 to 1000000")]
    [InlineData("Due:WindowSeconds", "90000", "0 to 86400")]
    [InlineData("Due:MaxPerSecond", "-1", "0 to 1000000")]
    [InlineData("Due:IntervalSeconds", "0", "1 to 3600")]
    [InlineData("Due:Enabled", "yes", "true or false")]
    [InlineData("MaxBatch", "many", "1 to 100000")]
    [InlineData("SnapshotInterval", "99", "100 to 1000000")]
    [InlineData("MemoryBudgetBytes", "1000", "1048576")]
    [InlineData("GraceDays", "-1", "a whole number from 0 to 60")]
    [InlineData("GraceDays", "61", "a whole number from 0 to 60")]
    [InlineData("GraceDays", "1.5", "a whole number from 0 to 60")]
    [InlineData("Store", "oracle", "sqlite or postgres or memory")]
    [InlineData("MaxBacklogBytes", "1", "a whole number from 16777216")]
    [InlineData("MaxBacklogEntries", "1", "a whole number from 10000")]
    [InlineData("PostgreSql:MaxReaders", "0", "a whole number from 1 to 1000")]
    [InlineData("PostgreSql:CommandTimeoutSeconds", "301", "a whole number from 1 to 300")]
    [InlineData("PostgreSql:ConnectTimeoutSeconds", "soon", "a whole number from 1 to 300")]
    [InlineData("PostgreSql:MigrateAtStart", "maybe", "true or false")]
    [InlineData("Data", "", "a text")]
    public void A_wrong_setting_is_named_with_its_value_and_what_is_allowed(string setting, string value, string allowed)
    {
        var error = Assert.Throws<MeteringStartupException>(() => Read((setting, value)));
        Assert.Contains("Metering:" + setting, error.Message, StringComparison.Ordinal);
        Assert.Contains(value, error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("Products:lead.search:Price", "Base, PerUnit, Unit")]
    [InlineData("Products:lead.search", "Base, PerUnit")]
    [InlineData("Plans:starter:Credits", "MonthlyCredits")]
    [InlineData("Plans:starter:GraceDays", "MonthlyCredits")]
    [InlineData("Due:Rate", "MaxPerSecond")]
    [InlineData("Queue", "QueueCapacity")]
    [InlineData("Products", "a section for each id")]
    [InlineData("Plans", "a section for each id")]
    [InlineData("PostgreSql:Readers", "MaxReaders")]
    public void What_stands_where_no_value_belongs_is_named_and_never_repeated(string setting, string allowed)
    {
        var error = Assert.Throws<MeteringStartupException>(() => Read((setting, "sk_live_4711")));
        Assert.Contains("Metering:" + setting, error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("4711", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_wrong_setting_is_named_as_the_environment_names_it_too()
    {
        var error = Assert.Throws<MeteringStartupException>(() => Read(("Plans:starter:MonthlyCredits", "lots")));
        Assert.StartsWith("Metering:Plans:starter:MonthlyCredits (Metering__Plans__starter__MonthlyCredits in the environment) is \"lots\"; ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Data:Folder")]
    [InlineData("QueueCapacity:Value")]
    [InlineData("Products:lead.search:CoveredBy:Id")]
    public void A_section_in_place_of_a_value_is_refused(string path)
    {
        var error = Assert.Throws<MeteringStartupException>(() => Read((path, "1")));
        Assert.Contains("is a section; ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Products:Lead Search")]
    [InlineData("Plans:Gold!")]
    public void A_wrong_id_is_named_with_what_is_allowed(string path)
    {
        var error = Assert.Throws<MeteringStartupException>(() => Read((path + ":Level", "trial")));
        Assert.Contains("Metering:" + path, error.Message, StringComparison.Ordinal);
        Assert.Contains("a-z 0-9", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ApiKeys:Prefixes:0", "has space")]
    [InlineData("ApiKeys:Prefixes:0", "far_too_long_for_a_prefix_")]
    [InlineData("ApiKeys:Prefix", "x_")]
    [InlineData("ApiKeys:Prefixes", "x_")]
    [InlineData("ApiKeys:Prefixes:0", "only_")]
    public void A_wrong_prefix_is_refused(string setting, string value)
    {
        var error = Assert.Throws<MeteringStartupException>(() => MeteringConfiguration.ReadGatewayOptions(SectionOf((setting, value))));
        Assert.Contains("Metering:ApiKeys", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prefixes_are_read() => Assert.Equal(
        ["mtr_", "acme_"],
        MeteringConfiguration.ReadGatewayOptions(SectionOf(("ApiKeys:Prefixes:0", "mtr_"), ("ApiKeys:Prefixes:1", "acme_"))).KeyPrefixes);

    private static CreditMeteringOptions Read(params (string Setting, string Value)[] settings)
    {
        var options = new CreditMeteringOptions();
        options.ReadConfiguration(SectionOf(settings.Any(setting => setting.Setting == "Store") ? settings : [.. settings, ("Store", "memory")]));
        return options;
    }

    private static IConfigurationSection SectionOf(params (string Setting, string Value)[] settings) => new ConfigurationBuilder()
        .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create<string, string?>("Metering:" + setting.Setting, setting.Value)))
        .Build()
        .GetSection("Metering");
}
